//! The path of the server behind a proxy.

use std::fmt;
use std::str::FromStr;

use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// A path such as `/clf`, or the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// The text is not a base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a path such as /clf/: a slash, then letters, digits, \"-\", \"_\", \".\", \"~\" and slashes"
)]
pub struct BasePathError;

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let path = text.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        let fits = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
        let parts = path.strip_prefix('/').map(|rest| rest.split('/').all(fits));
        match parts {
            Some(true) => Ok(Self(path.to_owned())),
            None if text.chars().all(|c| c == '/') && !text.is_empty() => Ok(Self::default()),
            Some(false) | None => Err(BasePathError),
        }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BasePath {
    /// The path as text; empty at the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Removes the path from the beginning of `uri`. Other paths are unchanged: a proxy may already have
    /// removed it.
    ///
    /// # Errors
    /// A redirect if the path lacks its last slash, without which the page's relative links would
    /// not work.
    pub fn strip(&self, uri: &mut Uri) -> Result<(), Box<Response>> {
        let Some(rest) = uri.path().strip_prefix(&self.0).filter(|_| !self.0.is_empty()) else {
            return Ok(());
        };
        if rest.is_empty() {
            let location = [(header::LOCATION, format!("{}/", self.0))];
            return Err(Box::new((StatusCode::PERMANENT_REDIRECT, location).into_response()));
        }
        if !rest.starts_with('/') {
            return Ok(());
        }
        let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
        let Ok(path) = format!("{rest}{query}").parse::<PathAndQuery>() else { return Ok(()) };
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(path);
        *uri = Uri::from_parts(parts).unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for (text, path) in [("/clf/", "/clf"), ("/clf", "/clf"), ("/a/b-c/", "/a/b-c"), ("/", "")]
        {
            assert_eq!(text.parse::<BasePath>().unwrap().as_str(), path);
        }
        for wrong in ["", "clf", "//a", "/a//b", "/..", "/a b", "/\"", "/a?b"] {
            assert_eq!(wrong.parse::<BasePath>(), Err(BasePathError), "{wrong}");
        }
    }

    #[test]
    fn the_base_path_is_removed() {
        let base: BasePath = "/clf/".parse().unwrap();
        for (uri, stripped) in [
            ("/clf/v1/model?a=b", "/v1/model?a=b"),
            ("/clf/", "/"),
            ("/v1/model", "/v1/model"),
            ("/clfx/v1", "/clfx/v1"),
            ("http://a/clf/docs", "http://a/docs"),
        ] {
            let mut uri: Uri = uri.parse().unwrap();
            base.strip(&mut uri).unwrap();
            assert_eq!(uri, stripped);
        }
        let redirect = base.strip(&mut "/clf".parse().unwrap()).unwrap_err();
        assert_eq!(redirect.headers()["location"], "/clf/");
    }
}
