//! Reading a server's answer, of which no more is kept than wanted, however much it sends.

/// Appends the rest of the answer to `body`, until that has `limit` bytes, and says whether more was there. What comes after them
/// is not waited for. After an error, `body` has what came before it.
///
/// # Errors
/// When the answer breaks off, or does not come in time.
pub(crate) async fn read_limited(
    response: &mut reqwest::Response,
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<bool, reqwest::Error> {
    while let Some(chunk) = response.chunk().await? {
        let room = limit.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("", "", false)]
    #[case::short("abc", "abc", false)]
    #[case::as_long_as_the_limit("abcd", "abcd", false)]
    #[case::longer("abcde", "abcd", true)]
    #[tokio::test]
    async fn an_answer_is_read_up_to_the_limit(
        #[case] sent: &'static str,
        #[case] kept: &str,
        #[case] cut: bool,
    ) {
        let mut response = reqwest::Response::from(http::Response::new(sent));
        let mut body = Vec::new();
        assert_eq!(read_limited(&mut response, 4, &mut body).await.unwrap(), cut);
        assert_eq!(body, kept.as_bytes());
    }
}
