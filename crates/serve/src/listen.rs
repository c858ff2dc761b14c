//! The addresses, host names and Unix sockets that the server listens on.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::stream::Socket;

/// The address or socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// All addresses of a host, on a port; port 0 picks a free one.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The text is not an address or socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an address or a name with a port, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080, \
         nor a socket, such as unix:/run/modiste.sock"
)]
pub struct ListenError;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let known = cfg!(unix) && !path.is_empty() && !path.ends_with('/');
            return known.then(|| Self::Unix(path.into())).ok_or(ListenError);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::Tcp(address.ip().to_string(), address.port()));
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenError)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let port = port.parse().map_err(|_| ListenError)?;
        let is_name = !host.is_empty() && host.chars().all(plain);
        is_name.then(|| Self::Tcp(host.to_owned(), port)).ok_or(ListenError)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The address that a server is listening on.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Its address: `http://127.0.0.1:8080` or `unix:/run/modiste.sock`.
    pub address: String,
    /// Whether other machines may reach it.
    pub open: bool,
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// All sockets that a server is listening on.
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    /// The path of the Unix socket, which is removed at the end.
    socket: Option<PathBuf>,
    pub bound: Bound,
}

impl Listeners {
    /// Starts listening.
    ///
    /// # Errors
    /// The error of the system.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(host, port) => bind_tcp(host, *port).await,
            Listen::Unix(path) => bind_unix(path),
        }
    }

    /// Accepts the next connection; `time` limits how long the client may leave data unacknowledged.
    pub async fn accept(&self, time: Duration) -> io::Result<Box<dyn Socket>> {
        poll_fn(|context| {
            for listener in &self.listeners {
                match listener {
                    Listener::Tcp(listener) => {
                        if let Poll::Ready(accepted) = listener.poll_accept(context) {
                            return Poll::Ready(accepted.map(|(stream, _)| {
                                set_options(&stream, time);
                                Box::new(stream) as Box<dyn Socket>
                            }));
                        }
                    }
                    #[cfg(unix)]
                    Listener::Unix(listener) => {
                        if let Poll::Ready(accepted) = listener.poll_accept(context) {
                            let boxed = |(stream, _)| Box::new(stream) as Box<dyn Socket>;
                            return Poll::Ready(accepted.map(boxed));
                        }
                    }
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            // It may have been removed already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Listens on all addresses of a host, on the same port.
async fn bind_tcp(host: &str, port: u16) -> io::Result<Listeners> {
    let mut listeners = Vec::new();
    let (mut open, mut chosen, mut first) = (false, port, None);
    let mut absent = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    for mut address in addresses {
        address.set_port(chosen);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let bound = listener.local_addr()?;
                chosen = bound.port();
                open |= !bound.ip().is_loopback();
                first.get_or_insert(bound);
                listeners.push(Listener::Tcp(listener));
            }
            // A name may have an IPv6 address on a machine without IPv6.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => absent = error,
            Err(error) => return Err(error),
        }
    }
    let first = first.ok_or(absent)?;
    let is_address = host.parse::<IpAddr>().is_ok();
    let shown = if is_address { first.to_string() } else { format!("{host}:{chosen}") };
    let bound = Bound { address: format!("http://{shown}"), open };
    Ok(Listeners { listeners, socket: None, bound })
}

/// Listens on a Unix socket. Replaces a stale socket, but nothing else.
#[cfg(unix)]
fn bind_unix(path: &PathBuf) -> io::Result<Listeners> {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = |path| {
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
    };
    let nobody = |path| {
        let tried = std::os::unix::net::UnixStream::connect(path);
        tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket(path) && nobody(path) {
        std::fs::remove_file(path)?;
    }
    let listeners = vec![Listener::Unix(UnixListener::bind(path)?)];
    let bound = Bound { address: format!("unix:{}", path.display()), open: false };
    Ok(Listeners { listeners, socket: Some(path.clone()), bound })
}

#[cfg(not(unix))]
fn bind_unix(_: &PathBuf) -> io::Result<Listeners> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes the socket send answers at once and give up clients that do not acknowledge them.
fn set_options(stream: &tokio::net::TcpStream, time: Duration) {
    // The server works without these options.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(time));
    #[cfg(not(target_os = "linux"))]
    let _ = time;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed() {
        for text in ["127.0.0.1:8080", "[::1]:80", "0.0.0.0:0", "localhost:8080", "my-box.lan:1"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for wrong in ["", "8080", "localhost", ":8080", "a b:1", "::1:80x", "http://a:1", "a:70000"]
        {
            assert_eq!(wrong.parse::<Listen>(), Err(ListenError), "{wrong}");
        }
        let socket = || Ok(Listen::Unix("/run/a.sock".into()));
        assert_eq!("unix:/run/a.sock".parse::<Listen>(), socket());
        assert_eq!("unix:///run/a.sock".parse::<Listen>(), socket());
        assert_eq!("unix:".parse::<Listen>(), Err(ListenError));
    }
}
