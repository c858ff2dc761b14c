//! Which sites may use the server through a browser.
//!
//! A browser sends an `Origin` with every request that a page makes to another site, and no page can
//! change it, nor the `Host`. A page whose own name was made to point to this machine (DNS rebinding) is
//! recognised by the `Host`: a server on a loopback address answers only to the machine's own names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Request, Uri, header};

use crate::refusal::Refusal;

/// A site whose pages may use the server: `https://example.org`, or `*` for all sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// All sites.
    Any,
    /// One site, as browsers write its origin.
    One {
        /// `http` or `https`.
        scheme: String,
        /// Host, and port where it is not the scheme's own.
        authority: String,
    },
}

/// The text is not a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin such as https://example.org or http://localhost:3000, nor *")]
pub struct SiteError;

impl FromStr for Site {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let uri: Uri = text.to_ascii_lowercase().parse().map_err(|_| SiteError)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(SiteError);
        };
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(SiteError);
        }
        let scheme = scheme.to_owned();
        let authority = without_default_port(&scheme, authority.as_str()).to_owned();
        Ok(Self::One { scheme, authority })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One { scheme, authority } => write!(f, "{scheme}://{authority}"),
        }
    }
}

/// `host` for `host:443` under https and `host:80` under http.
fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

/// The sites that may use the server.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    /// Sites other than the server's own.
    allowed: Vec<Site>,
    /// The names that the server answers to; none means all.
    names: Option<Vec<String>>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOrigin {
    /// The server's own page, or a client that is not a browser.
    Own,
    /// A site that may use the server.
    Allowed,
    /// Another site.
    Foreign,
}

impl Origins {
    /// `local` is the host that the server listens on, if it is a loopback address.
    pub fn new(allowed: Vec<Site>, local: Option<String>) -> Self {
        let names = local.map(|name| {
            let hosts = allowed.iter().filter_map(|site| match site {
                Site::One { authority, .. } => Some(host_of(authority)),
                Site::Any => None,
            });
            hosts.chain([name.to_ascii_lowercase()]).collect()
        });
        let names = if allowed.contains(&Site::Any) { None } else { names };
        Self { allowed, names }
    }

    /// Whether any other site may use the server.
    pub fn any_allowed(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Checks that the request's host is a name of this server.
    ///
    /// # Errors
    /// 400 if the `Host` is not valid, 403 if it is another one.
    pub fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next().map(|host| host.to_str().unwrap_or("/"));
        if hosts.next().is_some() {
            return Err(Refusal::bad("the request has more than one Host"));
        }
        let asked = request.uri().authority().map(Authority::as_str);
        for text in host.into_iter().chain(asked).filter(|text| !text.is_empty()) {
            let authority: Authority =
                text.parse().map_err(|_| Refusal::bad("the Host is not valid"))?;
            if !self.is_own_name(&authority.host().to_ascii_lowercase()) {
                return Err(Refusal::foreign(
                    "the Host is not a name of this server; behind a proxy, start it with \
                     --allow-origin for the proxy's site",
                ));
            }
        }
        Ok(())
    }

    fn is_own_name(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let host = host.trim_end_matches('.');
        let is_local = host == "localhost" || host.ends_with(".localhost");
        is_loopback || is_local || names.iter().any(|name| name == host || name == bare)
    }

    /// Where a request comes from.
    pub fn of(&self, method: &Method, headers: &HeaderMap) -> RequestOrigin {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => {
                let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
                if self.is_allowed(&origin) {
                    RequestOrigin::Allowed
                } else if is_own(&origin, headers) {
                    RequestOrigin::Own
                } else {
                    RequestOrigin::Foreign
                }
            }
            (Some(_), Some(_)) => RequestOrigin::Foreign,
            (None, _) => without_origin(method, headers),
        }
    }

    fn is_allowed(&self, origin: &str) -> bool {
        let is = |site: &Site| *site == Site::Any || site.to_string() == origin;
        self.allowed.iter().any(is)
    }
}

/// Whether the origin is the server's own: the host that the client requested from the server or a
/// proxy. A page of another site cannot set these headers without a preflight request.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let Some((scheme @ ("http" | "https"), authority)) = origin.split_once("://") else {
        return false;
    };
    let names = [header::HOST.as_str(), "x-forwarded-host"];
    names.into_iter().filter_map(|name| headers.get(name)?.to_str().ok()).any(|host| {
        let host = host.to_ascii_lowercase();
        without_default_port(scheme, &host) == without_default_port(scheme, authority)
    })
}

/// The source of a request without an `Origin`: another program, the server's own page, or an image, a
/// link or a frame on another site. Links to the server are allowed.
fn without_origin(method: &Method, headers: &HeaderMap) -> RequestOrigin {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    let elsewhere = is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site");
    let is_link = method == Method::GET && is("sec-fetch-mode", "navigate");
    if elsewhere && !is_link { RequestOrigin::Foreign } else { RequestOrigin::Own }
}

/// The host of an authority, without its port.
fn host_of(authority: &str) -> String {
    authority.parse::<Authority>().map_or_else(|_| authority.to_owned(), |a| a.host().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (header::HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn sites_are_formatted_like_in_browsers() {
        let shown = |text: &str| text.parse::<Site>().map(|site| site.to_string());
        assert_eq!(shown("https://Example.org:443/").unwrap(), "https://example.org");
        assert_eq!(shown("http://localhost:3000").unwrap(), "http://localhost:3000");
        assert_eq!(shown("*").unwrap(), "*");
        for wrong in
            ["", "null", "example.org", "ftp://a", "https://a/b", "https://a?b", "http://u@a"]
        {
            assert_eq!(shown(wrong), Err(SiteError), "{wrong}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_recognised_by_origin() {
        let origins = Origins::new(vec!["https://shop.org".parse().unwrap()], None);
        let of = |pairs: &[(&'static str, &str)]| origins.of(&Method::POST, &headers(pairs));
        assert_eq!(of(&[("host", "a:8080")]), RequestOrigin::Own);
        assert_eq!(of(&[("host", "a:8080"), ("origin", "http://a:8080")]), RequestOrigin::Own);
        assert_eq!(of(&[("host", "a"), ("origin", "https://A")]), RequestOrigin::Own);
        assert_eq!(of(&[("host", "a:443"), ("origin", "https://a")]), RequestOrigin::Own);
        assert_eq!(
            of(&[("host", "b:1"), ("x-forwarded-host", "a"), ("origin", "https://a")]),
            RequestOrigin::Own
        );
        assert_eq!(of(&[("host", "a"), ("origin", "https://shop.org")]), RequestOrigin::Allowed);
        for origin in ["http://evil.org", "http://a:8081", "null", "", "http://shop.org", "a:8080"]
        {
            let told = of(&[("host", "a:8080"), ("origin", origin), ("sec-fetch-site", "none")]);
            assert_eq!(told, RequestOrigin::Foreign, "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(of(&[("host", "a"), ("sec-fetch-site", site)]), RequestOrigin::Foreign);
        }
        let link = headers(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]);
        assert_eq!(origins.of(&Method::GET, &link), RequestOrigin::Own);
        assert_eq!(origins.of(&Method::POST, &link), RequestOrigin::Foreign);
    }

    #[test]
    fn on_loopback_only_local_names_are_accepted() {
        let site = "https://shop.org".parse().unwrap();
        let local = Origins::new(vec![site], Some("box".into()));
        let check = |origins: &Origins, host: &str| {
            let request = Request::builder().header("host", host).body(()).unwrap();
            origins.check_host(&request).map_err(|refusal| refusal.status.as_u16())
        };
        for own in [
            "localhost",
            "LOCALHOST:8080",
            "a.localhost",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8080",
            "box:80",
            "shop.org",
            "",
        ] {
            assert_eq!(check(&local, own), Ok(()), "{own}");
        }
        for other in ["evil.org", "evil.org:8080", "localhost.evil.org", "10.0.0.1", "notlocalhost"]
        {
            assert_eq!(check(&local, other), Err(403), "{other}");
        }
        assert_eq!(check(&local, "a/b"), Err(400));
        assert_eq!(check(&Origins::new(Vec::new(), None), "evil.org"), Ok(()));
        let absolute = Request::builder().uri("http://evil.org/").body(()).unwrap();
        assert!(local.check_host(&absolute).is_err());
    }
}
