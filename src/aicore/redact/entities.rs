//! Character references of HTML that have a name: those of ASCII, which escaping functions write, and those of Latin-1, which
//! some of them write for every letter that has one (HTML Living Standard §13.5).

/// ASCII: name and code point.
const ASCII: [(&str, u32); 49] = [
    ("amp", 38),
    ("lt", 60),
    ("gt", 62),
    ("quot", 34),
    ("apos", 39),
    ("AMP", 38),
    ("LT", 60),
    ("GT", 62),
    ("QUOT", 34),
    ("Tab", 9),
    ("NewLine", 10),
    ("excl", 33),
    ("num", 35),
    ("dollar", 36),
    ("percnt", 37),
    ("lpar", 40),
    ("rpar", 41),
    ("ast", 42),
    ("midast", 42),
    ("plus", 43),
    ("comma", 44),
    ("period", 46),
    ("sol", 47),
    ("colon", 58),
    ("semi", 59),
    ("equals", 61),
    ("quest", 63),
    ("commat", 64),
    ("lsqb", 91),
    ("lbrack", 91),
    ("bsol", 92),
    ("rsqb", 93),
    ("rbrack", 93),
    ("Hat", 94),
    ("lowbar", 95),
    ("UnderBar", 95),
    ("grave", 96),
    ("DiacriticalGrave", 96),
    ("lcub", 123),
    ("lbrace", 123),
    ("verbar", 124),
    ("vert", 124),
    ("VerticalLine", 124),
    ("rcub", 125),
    ("rbrace", 125),
    ("euro", 0x20ac),
    ("hyphen", 0x2010),
    ("ndash", 0x2013),
    ("mdash", 0x2014),
];

/// The names of U+00A0 to U+00FF.
const LATIN_1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo",
    "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot",
    "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",
    "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
    "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash",
    "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
    "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave",
    "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// The code point of the longest name at the start of the text, and how long that name is.
pub(super) fn named(text: &[u8]) -> Option<(u32, usize)> {
    let latin_1 = LATIN_1.into_iter().zip(0xa0..);
    ASCII
        .into_iter()
        .chain(latin_1)
        .filter(|(name, _)| text.starts_with(name.as_bytes()))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, code)| (code, name.len()))
}
