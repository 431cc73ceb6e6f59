//! Whoever uses a shared service key learns neither its namespace nor the name of its Secret: in no status and no event of a resource
//! does one of the names stand that only these Secrets have.

use crate::{recording::Record, world::VAULT};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let shown = record.visible.iter().filter(|(place, text)| {
        // The status of an AICoreTenant is for those who have written it.
        ["status", "event"].contains(&&**place) && text.contains(VAULT)
    });
    shown.map(|(place, text)| format!("{place}: {text}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::shared;
    use super::*;

    #[test]
    fn the_place_of_a_shared_key_is_found_where_its_users_see_it() {
        let mut record = shared();
        let shown = format!("Secret \"{VAULT}-key0\" holds no service key");
        record.visible.push(("status of an AICoreTenant".to_owned(), shown.clone()));
        record.visible.push(("log of process 7".to_owned(), shown.clone()));
        assert_eq!(judge(&record), Vec::<String>::new());
        for place in ["status", "event"] {
            let mut record = record.clone();
            record.visible.push((place.to_owned(), shown.clone()));
            assert_eq!(judge(&record).len(), 1);
        }
    }
}
