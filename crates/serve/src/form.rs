//! `multipart/form-data`: one picture per part.

use axum::body::Bytes;
use http_body_util::{BodyDataStream, Full};

use crate::input::{Content, Rules, Upload};
use crate::refusal::Refusal;
use crate::text::readable;

/// The largest length of a file's name in an answer, in characters.
const LONGEST_NAME: usize = 100;

/// The pictures of a form, with the names of their files.
///
/// # Errors
/// 400 if it is not a form or has fields that are not files, 413 if it has too many pictures.
pub(crate) async fn pictures(
    bytes: Bytes,
    boundary: &str,
    rules: &Rules,
) -> Result<Vec<Upload>, Refusal> {
    let broken = |_| Refusal::bad("the form is broken");
    let mut parts = multer::Multipart::new(BodyDataStream::new(Full::new(bytes)), boundary);
    let mut uploads = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let Some(name) = part.file_name().map(|name| readable(name, LONGEST_NAME)) else {
            let reason = "a field of the form is not a file; send each picture as a file";
            return Err(Refusal::bad(reason));
        };
        rules.check_count(uploads.len() + 1)?;
        let name = if name.is_empty() { format!("image {}", uploads.len()) } else { name };
        let content = Content::Picture(part.bytes().await.map_err(broken)?);
        uploads.push(Upload { name, content });
    }
    Ok(uploads)
}
