//! Divides images among threads.

/// Calls `logits` on several threads for parts of images (n, ...) of `size` bytes each; returns the results in
/// the order of the images.
pub fn on_threads(
    images: &[u8],
    size: usize,
    threads: usize,
    logits: impl Fn(&[u8]) -> Vec<f32> + Sync,
) -> Vec<f32> {
    let count = (images.len() / size).div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = images
            .chunks(count * size)
            .map(|part| {
                let logits = &logits;
                scope.spawn(move || logits(part))
            })
            .collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, Vec<f32>>| match part.join() {
            Ok(logits) => logits,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(join).collect()
    })
}
