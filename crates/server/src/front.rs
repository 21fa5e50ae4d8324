//! The HTTP side of a listener: WebSocket handshakes, the demo's files, and the health checks.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use patchcast_protocol::room::RoomId;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tower_http::services::ServeDir;
use tower_service::Service;

use crate::handshake::{self, Origins};
use crate::limits::{HTTP_DEADLINE, MAX_HEAD_BYTES};
use crate::log::Store;
use crate::worker::{Accepted, Worker};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What every listener's connections share.
pub struct Front {
    /// The threads that rooms are pinned to.
    pub workers: Vec<Worker>,
    /// For the readiness check.
    pub store: Arc<dyn Store>,
    /// Changes to `true` when the server shuts down.
    pub shutdown: watch::Receiver<bool>,
    /// Places for WebSocket connections.
    pub places: Arc<Semaphore>,
    /// Which pages may connect.
    pub origins: Origins,
    /// How long a request's head may take.
    pub handshake_timeout: Duration,
    /// The folder whose files are served.
    pub web: Option<PathBuf>,
}

impl Front {
    /// Serves one connection until it has become a WebSocket or has ended.
    pub async fn serve(self: Arc<Self>, stream: TcpStream) {
        let handshake_timeout = self.handshake_timeout;
        let service = service_fn(move |request| {
            let front = self.clone();
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(handshake_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        match timeout(HTTP_DEADLINE, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection ended"),
            Err(_) => tracing::debug!("an HTTP connection took too long"),
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if handshake::is_upgrade(&request) {
            return self.upgrade(request);
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if *self.shutdown.borrow() => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
            "/readyz" if !self.store.is_writable() => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the last message could not be stored\n",
            ),
            "/readyz" => text(StatusCode::OK, "ready\n"),
            _ => match &self.web {
                Some(folder) => file(folder, request).await,
                None => text(
                    StatusCode::NOT_FOUND,
                    "This is Patchcast. Connect with a WebSocket, or start it with --web DIR to serve a page here.\n",
                ),
            },
        }
    }

    fn upgrade(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        let accept = match handshake::check(&request, &self.origins) {
            Ok(accept) => accept,
            Err(refusal) => {
                let mut response = text(refusal.status(), format!("{refusal}\n"));
                for (name, value) in refusal.headers() {
                    response
                        .headers_mut()
                        .insert(name, HeaderValue::from_static(value));
                }
                return response;
            }
        };
        if *self.shutdown.borrow() {
            return unavailable("the server is shutting down; try again later\n");
        }
        let Ok(permit) = self.places.clone().try_acquire_owned() else {
            tracing::warn!("all places for connections are taken");
            return unavailable("the server is full; try again later\n");
        };
        let response = accept.response();
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move { self.hand_over(upgrade, accept.room, permit).await });
        response
    }

    /// Takes the socket out of hyper's hands and gives it to its room's thread.
    async fn hand_over(&self, upgrade: OnUpgrade, room: RoomId, permit: OwnedSemaphorePermit) {
        let accepted = async {
            let parts = upgrade
                .await?
                .downcast::<TokioIo<TcpStream>>()
                .map_err(|_: Upgraded| "a foreign stream")?;
            let stream = parts.io.into_inner().into_std()?;
            let worker = &self.workers[self.worker_of(&room)];
            worker.take(Accepted {
                stream,
                // Copied, because hyper's buffer would live on in the connection's.
                leftover: parts.read_buf.to_vec(),
                room,
                permit,
            });
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        if let Err(error) = accepted.await {
            tracing::debug!(error, "a handshake broke off");
        }
    }

    fn worker_of(&self, room: &RoomId) -> usize {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        (hasher.finish() % self.workers.len() as u64) as usize
    }
}

async fn file(folder: &PathBuf, request: Request<Incoming>) -> Response<Body> {
    // The bundler puts a hash of the content into the names below `assets`; other names stay the same.
    let cache = match request.uri().path().starts_with("/assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let response = match ServeDir::new(folder).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let ok = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let mut response = response.map(|body| UnsyncBoxBody::new(body.map_err(io::Error::other)));
    let cache = if ok { cache } else { "no-store" };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn unavailable(body: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, body);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {});
    let mut response = Response::new(UnsyncBoxBody::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
