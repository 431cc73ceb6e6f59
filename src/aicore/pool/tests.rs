//! The HTTP clients that all requests are sent with.

use testbed::http2::Refusing;

use super::*;
use crate::aicore::token::tests::a_pool;

/// Who may repeat a request is asked first whether it may still be sent.
#[tokio::test]
async fn the_library_repeats_nothing_by_itself() {
    let server = Refusing::start().await.unwrap();
    let pool = a_pool(Some(server.roots()), Rate::new(1000.0, 1000));
    for (client, sent) in [(&pool.http, 1), (&pool.tokens, 2)] {
        let answer = client.patch(server.url()).body("credential").send().await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(server.requests(), sent);
    }
}
