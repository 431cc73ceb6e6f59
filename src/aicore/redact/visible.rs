//! Text from outside without what a terminal or a browser would not show as a character of its own.

/// The text with a blank for each control character and each kind of blank, and without characters that are invisible or turn the direction of
/// writing: a sentence must look like what it says.
pub(in crate::aicore) fn visible(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !is_invisible(*c)).map(|c| if is_blank(c) { ' ' } else { c })
}

/// Whether it is a control character or white space: blanks of all kinds, line breaks, the line and paragraph separators.
pub(super) fn is_blank(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}

/// General category Cf, and what has the property `Default_Ignorable_Code_Point` (Unicode 16).
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}
