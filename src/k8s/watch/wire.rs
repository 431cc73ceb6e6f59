//! The way of one watch to the API server. It sees what kube's watcher does not tell: each piece of an answer as it arrives. It
//! keeps a floor under watch requests, and reads lists in pages that fit the memory whatever the size of the objects.

use std::{sync::Arc, time::Duration};

use http::{Request, Response, Uri, request::Parts, uri::PathAndQuery};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use parking_lot::Mutex;
use serde::{Deserialize, de::IgnoredAny};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
    answer::{self, Answer},
    comeback::Comeback,
    health::WatchHealth,
};
use crate::domain::tools::{
    bucket::{Bucket, Rate},
    list_progress::{Endless, ListProgress},
    page_size::{OBJECT_BYTES, PageSize},
};

/// How often one watch is opened in the long run, per second, and at once. A watch that ends at once, as behind a proxy that cuts it, is
/// otherwise opened again without pause. Each watch has its own floor, so that many do not wait for each other. What fails before it
/// is open has a pause of its own, and does not count.
const WATCH_RATE: (f64, u32) = (0.5, 5);
/// Pages of one watch's lists in the long run, per second, and at once: 200,000 objects are listed as fast as they come. Beyond that
/// it is slower than any API server needs, and one that never comes to an end does not take all the time.
const PAGE_RATE: (f64, u32) = (20.0, 400);
/// Limit on the beginning of an answer that is no watch's, and on the rest of it: as long as the API server works on a request by
/// default.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// Pages that are read at the same time, of all watches together.
const PAGES_AT_ONCE: usize = 4;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer that is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("the API server did not answer within {} s", ANSWER_LIMIT.as_secs())]
    Late,
    #[error("an object has more than {} MiB, which is too much to read", OBJECT_BYTES >> 20)]
    TooLarge,
    #[error(
        "the API server sends lines that are no events, more than {} a second: the watch is closed and opened again later",
        answer::IDLE_RATE.0
    )]
    Idle,
    #[error(transparent)]
    Endless(#[from] Endless),
}

/// Places of pages that are read at the same time. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pages: Arc<Semaphore>,
    /// Of a single object, which may be much larger than a page of several.
    single: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self { pages: Arc::new(Semaphore::new(PAGES_AT_ONCE)), single: Arc::new(Semaphore::new(1)) }
    }
}

/// A client for one watch. `comeback` is told when the API server answers it again.
pub(super) fn connect(
    client: &Client,
    health: Arc<WatchHealth>,
    places: Places,
    comeback: Arc<Comeback>,
) -> Client {
    let namespace = client.default_namespace().to_owned();
    let wire = Wire {
        client: client.clone(),
        health,
        places,
        comeback,
        start: Instant::now(),
        floor: Mutex::default(),
        pages: Mutex::default(),
        progress: Mutex::default(),
        page_size: Mutex::default(),
    };
    let wire = Arc::new(wire);
    let service = tower::service_fn(move |request| {
        let wire = Arc::clone(&wire);
        async move { wire.send(request).await }
    });
    Client::new(service, namespace)
}

struct Wire {
    client: Client,
    health: Arc<WatchHealth>,
    places: Places,
    comeback: Arc<Comeback>,
    start: Instant,
    floor: Mutex<Bucket>,
    pages: Mutex<Bucket>,
    progress: Mutex<ListProgress>,
    page_size: Mutex<PageSize>,
}

impl Wire {
    async fn send(&self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        if parameters(request.uri()).any(|parameter| parameter == "watch=true") {
            self.watch(request).await
        } else {
            self.list(request.into_parts().0).await
        }
    }

    /// The answer may take as long as it likes: who follows the watch gives up one that is silent.
    async fn watch(&self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        let rate = Rate::new(WATCH_RATE.0, WATCH_RATE.1);
        let wait = self.floor.lock().take(rate, self.start.elapsed());
        tokio::time::sleep(wait).await;
        let sent = self.client.send(request).await;
        if !sent.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            self.floor.lock().give_back(rate);
        }
        let (head, body) = sent?.into_parts();
        let answer = if head.status.is_success() {
            self.answered();
            self.health.opened();
            Answer::events(body, Arc::clone(&self.health))
        } else {
            Answer::whole(in_time(read(body, OBJECT_BYTES)).await??, None)
        };
        Ok(Response::from_parts(head, answer))
    }

    /// Asks for fewer objects than the caller did, as many as fit. The caller goes on from where the answer says that it ends.
    async fn list(&self, request: Parts) -> Result<Response<Answer>, BoxError> {
        let token = parameters(&request.uri).find_map(|parameter| parameter.strip_prefix("continue="));
        self.progress.lock().ask(token, self.start.elapsed()).map_err(Unusable::from)?;
        loop {
            let wait = self.pages.lock().take(Rate::new(PAGE_RATE.0, PAGE_RATE.1), self.start.elapsed());
            tokio::time::sleep(wait).await;
            let size = *self.page_size.lock();
            let mut request = Request::from_parts(request.clone(), Body::empty());
            *request.uri_mut() = with_limit(request.uri(), size.objects())?;
            let (head, body) = in_time(self.client.send(request)).await??.into_parts();
            let place = self.place(size).await?;
            match in_time(read(body, size.bytes())).await? {
                Ok(page) => {
                    if head.status.is_success() {
                        self.answered();
                        self.health.listed();
                        self.progress.lock().page(objects(&page));
                        *self.page_size.lock() = size.after(page.len());
                    }
                    return Ok(Response::from_parts(head, Answer::whole(page, Some(place))));
                }
                // The rest of the page is not read.
                Err(Unread::TooLarge) => {
                    *self.page_size.lock() = size.smaller().ok_or(Unusable::TooLarge)?;
                }
                Err(Unread::Failed(error)) => return Err(error.into()),
            }
        }
    }

    fn answered(&self) {
        if self.health.answered() {
            self.comeback.announce();
        }
    }

    /// A place to read a page in. Taken once the answer has begun, so that one that does not come keeps none.
    async fn place(&self, size: PageSize) -> Result<OwnedSemaphorePermit, BoxError> {
        let places = if size.objects() == 1 { &self.places.single } else { &self.places.pages };
        let _waiting = self.health.wait();
        Ok(Arc::clone(places).acquire_owned().await?)
    }
}

async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Unusable> {
    timeout(ANSWER_LIMIT, answer).await.map_err(|_| Unusable::Late)
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Failed(#[from] kube::Error),
    #[error("the answer has too many bytes")]
    TooLarge,
}

/// Reads a body of at most `limit` bytes.
async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // However small the pieces are and however fast they come, others have their turn.
        tokio::task::coop::consume_budget().await;
        if let Ok(data) = frame?.into_data() {
            if whole.len() + data.len() > limit {
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&data);
        }
    }
    // It has grown by doubling, and is copied.
    whole.shrink_to_fit();
    Ok(whole)
}

/// How many objects a page has; none when it is no page, which whoever reads it will say.
fn objects(page: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct Page {
        items: Option<Vec<IgnoredAny>>,
    }
    let page = serde_json::from_slice::<Page>(page).ok();
    page.and_then(|page| page.items).map_or(0, |items| items.len())
}

/// `name=value`, as they stand in the query.
fn parameters(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty())
}

/// The same request for so many objects.
fn with_limit(uri: &Uri, objects: u32) -> Result<Uri, http::Error> {
    let limit = format!("limit={objects}");
    let others = parameters(uri).filter(|parameter| !parameter.starts_with("limit="));
    let query: Vec<&str> = others.chain([&*limit]).collect();
    let path: PathAndQuery = format!("{}?{}", uri.path(), query.join("&")).parse()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Ok(Uri::from_parts(parts)?)
}
