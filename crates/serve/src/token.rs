//! The bearer token that opens `/v1/` and `/metrics`.

use std::fmt;

use subtle::ConstantTimeEq;

/// The smallest length of a token: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// The token that clients have to send as `Authorization: Bearer TOKEN`.
#[derive(Clone)]
pub struct Token(String);

/// Why a text cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too short.
    #[error("has {0} characters; a token has at least {SHORTEST}")]
    Short(usize),
    /// It has characters that cannot be sent in a header.
    #[error("has a character other than visible ASCII, which cannot be sent")]
    Character,
}

impl Token {
    /// The token in the text of a file or variable; surrounding white space is ignored.
    ///
    /// # Errors
    /// If it is too short or cannot be sent.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Character);
        }
        if text.len() < SHORTEST {
            return Err(TokenError::Short(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the value of an `Authorization` header holds the token. The time this takes does not
    /// depend on which characters are right.
    pub(crate) fn opens(&self, header: &[u8]) -> bool {
        let Some((scheme, given)) = header.split_at_checked(7) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && given.ct_eq(self.0.as_bytes()).into()
    }
}

/// Hides the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert!(token.opens(b"Bearer 0123456789abcdef"));
        assert!(token.opens(b"bearer 0123456789abcdef"));
        for wrong in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Bearer 0123456789abcde",
            b"Bearer 0123456789abcdef0",
            b"Bearer 0123456789abcdeF",
            b"Basic  0123456789abcdef",
            b"0123456789abcdef",
        ] {
            assert!(!token.opens(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(...)");
    }

    #[test]
    fn tokens_that_cannot_be_used() {
        assert_eq!(Token::new("short").unwrap_err(), TokenError::Short(5));
        assert_eq!(Token::new("\n").unwrap_err(), TokenError::Short(0));
        assert_eq!(Token::new("0123456789 abcdef").unwrap_err(), TokenError::Character);
        assert_eq!(Token::new("0123456789abcdefé").unwrap_err(), TokenError::Character);
    }
}
