//! Tokens that are renewed: from a file, which others write, or from an exec plugin.

use std::{
    fs::File,
    io::Read,
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, poll_fn};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, InvalidHeaderValue},
};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use tokio::{sync::Mutex, time::Instant};
use tower::{BoxError, Layer, Service};
use zeroize::Zeroizing;

use super::{
    error::{BadToken, ExecFault, TokenFault, Unusable},
    exec::{Credential, Plugin},
};
use crate::clock;

/// How long a token from a file is taken as it is, as by client-go.
const FILE_AGE: Duration = Duration::from_secs(50);
/// Longest file with a token, in bytes.
const MAX_TOKEN: u64 = 64 << 10;
/// How long before its end a token is renewed.
const EARLY: SignedDuration = SignedDuration::from_secs(10);
/// An exec plugin is not run more often than this.
const PAUSE: Duration = Duration::from_secs(10);

/// Where tokens come from, and the last one.
#[derive(Debug)]
pub(super) struct Tokens {
    source: Source,
    held: Mutex<Held>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Plugin(Box<Plugin>),
}

#[derive(Debug)]
struct Held {
    header: HeaderValue,
    /// When it was asked for last.
    asked: Instant,
    stale: Stale,
    failed: Option<Arc<Unusable>>,
}

#[derive(Debug)]
enum Stale {
    Never,
    Now,
    At(jiff::Timestamp),
}

impl Tokens {
    pub(super) fn from_file(path: PathBuf) -> Result<Self, BadToken> {
        let header = read(&path)?;
        Ok(Self::new(Source::File(path), header, Stale::Never))
    }

    pub(super) fn from_plugin(plugin: Plugin, credential: &Credential) -> Result<Self, Unusable> {
        let (header, stale) = held(&plugin, credential)?;
        Ok(Self::new(Source::Plugin(Box::new(plugin)), header, stale))
    }

    fn new(source: Source, header: HeaderValue, stale: Stale) -> Self {
        Self { source, held: Mutex::new(Held { header, asked: Instant::now(), stale, failed: None }) }
    }

    /// The header for the next request.
    async fn header(self: &Arc<Self>) -> Result<HeaderValue, Arc<Unusable>> {
        if let Ok(held) = self.held.try_lock()
            && !self.is_stale(&held)
        {
            return Ok(held.header.clone());
        }
        // Spawned, so that a request that is given up does not take the plugin's answer with it.
        let this = Arc::clone(self);
        let renewed = tokio::spawn(async move { this.renewed().await }).await;
        renewed.unwrap_or_else(|_| Err(Arc::new(Unusable::Ends)))
    }

    async fn renewed(&self) -> Result<HeaderValue, Arc<Unusable>> {
        let mut held = self.held.lock().await;
        if !self.is_stale(&held) {
            return Ok(held.header.clone());
        }
        match &self.source {
            Source::File(path) => {
                // While the file cannot be read, the last token is the best there is.
                if let Ok(header) = read(path) {
                    held.header = header;
                }
                held.stale = Stale::Never;
            }
            Source::Plugin(plugin) => {
                if let Some(failed) = held.failed.clone().filter(|_| held.asked.elapsed() < PAUSE) {
                    return Err(failed);
                }
                let given = plugin.run().await;
                held.asked = Instant::now();
                match given.and_then(|credential| self::held(plugin, &credential)) {
                    Ok((header, stale)) => (held.header, held.stale, held.failed) = (header, stale, None),
                    Err(why) => {
                        let why = Arc::new(why);
                        held.failed = Some(Arc::clone(&why));
                        return Err(why);
                    }
                }
            }
        }
        held.asked = Instant::now();
        Ok(held.header.clone())
    }

    fn is_stale(&self, held: &Held) -> bool {
        match (&self.source, &held.stale) {
            (_, Stale::Now) => true,
            (_, Stale::At(end)) => clock::now() >= *end,
            (Source::File(_), Stale::Never) => held.asked.elapsed() >= FILE_AGE,
            (Source::Plugin(_), Stale::Never) => false,
        }
    }

    /// The API server does not take it (any more).
    async fn refused(&self, header: &HeaderValue) {
        let mut held = self.held.lock().await;
        if held.header == *header && held.asked.elapsed() >= PAUSE {
            held.stale = Stale::Now;
        }
    }
}

fn held(plugin: &Plugin, credential: &Credential) -> Result<(HeaderValue, Stale), Unusable> {
    let token = credential.token.as_ref().ok_or_else(|| plugin.unusable(ExecFault::NoToken))?;
    let header = bearer(token.expose_secret()).map_err(|_| plugin.unusable(ExecFault::BadToken))?;
    let stale =
        credential.ends.map_or(Stale::Never, |end| end.checked_sub(EARLY).map_or(Stale::Now, Stale::At));
    Ok((header, stale))
}

/// Without the line break that editors and shells put at the end.
fn read(path: &std::path::Path) -> Result<HeaderValue, BadToken> {
    let bad = |why| BadToken { path: path.to_owned(), why };
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut text))
        .map_err(|error| bad(TokenFault::Unreadable(error)))?;
    match text.trim() {
        "" => Err(bad(TokenFault::Empty)),
        token => bearer(token).map_err(|_| bad(TokenFault::NoToken)),
    }
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Adds the token to each request.
#[derive(Clone, Debug)]
pub(crate) struct TokenLayer(Option<Arc<Tokens>>);

impl TokenLayer {
    pub(super) fn new(tokens: Option<Arc<Tokens>>) -> Self {
        Self(tokens)
    }
}

impl<S> Layer<S> for TokenLayer {
    type Service = WithToken<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithToken { inner: Arc::new(Mutex::new(inner)), tokens: self.0.clone() }
    }
}

/// See [`TokenLayer`].
#[derive(Debug)]
pub(crate) struct WithToken<S> {
    /// Locked only until the request is on its way.
    inner: Arc<Mutex<S>>,
    tokens: Option<Arc<Tokens>>,
}

impl<S, B, A> Service<Request<B>> for WithToken<S>
where
    S: Service<Request<B>, Response = Response<A>, Error = BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    A: Send + 'static,
{
    type Response = Response<A>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<A>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (inner, tokens) = (Arc::clone(&self.inner), self.tokens.clone());
        Box::pin(async move {
            let Some(tokens) = tokens else { return sent(&inner, request).await?.await };
            let header = tokens.header().await?;
            request.headers_mut().insert(AUTHORIZATION, header.clone());
            let answer = sent(&inner, request).await?.await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                tokens.refused(&header).await;
            }
            Ok(answer)
        })
    }
}

async fn sent<S: Service<Request<B>, Error = BoxError>, B>(
    inner: &Mutex<S>,
    request: Request<B>,
) -> Result<S::Future, BoxError> {
    let mut inner = inner.lock().await;
    poll_fn(|context| inner.poll_ready(context)).await?;
    Ok(inner.call(request))
}
