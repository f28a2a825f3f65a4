use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Accepts connections and serves them until it is stopped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// For the request line and the headers: a slow sender holds no connection for ever.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

impl Listener {
    /// At most `connections_max` are open at once; the next one waits in the kernel's queue.
    pub fn start(
        listener: TcpListener,
        address: SocketAddr,
        router: Router,
        connections_max: usize,
    ) -> Listener {
        let (open, closing) = watch::channel(true);
        let task = tokio::spawn(accept(listener, router, Arc::new(Semaphore::new(connections_max)), closing));
        Listener { address, open, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection and finishes the requests that run; what is left after `grace` is cut off.
    pub async fn stop(mut self, grace: Duration) {
        self.open.send_replace(false);
        if tokio::time::timeout(grace, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    room: Arc<Semaphore>,
    mut open: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
            _ = open.changed() => break,
        };
        let (stream, remote) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: closing connections makes room.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = open.changed() => break,
        };
        let serving = serve(stream, remote, router.clone(), open.clone());
        connections.spawn(async move {
            serving.await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Errors here are a peer that went away or does not speak HTTP: nobody's fault.
async fn serve(stream: TcpStream, remote: SocketAddr, router: Router, mut open: watch::Receiver<bool>) {
    // Small frames matter more than full packets here.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(remote));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = open.wait_for(|open| !open) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
