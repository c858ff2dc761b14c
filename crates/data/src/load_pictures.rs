//! Loads picture files as images of one shape: reads all headers first, then decodes and fits the
//! pictures, on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use modiste_spec::Shape;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::{Images, Part};
use crate::memory;
use crate::names::Names;
use crate::options::Options;
use crate::passed_over::Skipped;
use crate::photo::{Background, Limits, Preparation};
use crate::picture::{PictureHeader, decode_deep, look, white_of};
use crate::tree::{Entry, Tree};

/// Largest picture file, in bytes.
const MAX_FILE: u64 = 256 << 20;
/// Default limit of the side of images made from pictures of several sizes: a small network learns from
/// these in minutes.
const MOST_SIDE: usize = 64;

/// A picture of a data set.
pub(crate) struct Item<'a> {
    pub entry: &'a Entry,
    pub label: Option<u16>,
}

/// The pictures of the three parts, if they exist.
pub(crate) type Parts<'a> = [Option<Vec<Item<'a>>>; 3];

/// Reads all pictures; those that cannot be read are passed over.
///
/// # Errors
/// If none can be read, or all of them together do not fit into memory.
pub(crate) fn load(
    tree: &Tree,
    classes: Vec<String>,
    parts: Parts<'_>,
    options: &Options,
    skipped: &mut Skipped,
) -> Result<Collection, DataError> {
    let limits = Limits::default();
    let mut seen = Vec::new();
    let mut kept: Parts<'_> = Default::default();
    for (items, kept) in parts.into_iter().zip(&mut kept) {
        let Some(items) = items else { continue };
        let looks = in_parallel(&items, |item| look_at(tree, item, &limits));
        let mut good = Vec::with_capacity(items.len());
        for (item, look) in items.into_iter().zip(looks) {
            match look {
                Ok(look) => {
                    seen.push(look);
                    good.push(item);
                }
                Err(problem) => skipped.add(&item.entry.path, problem),
            }
        }
        *kept = Some(good);
    }
    if seen.is_empty() {
        let first = skipped.summary().unwrap_or_default();
        let problem = format!("holds no picture that can be read: {first}");
        return Err(DataError::file(tree.shown(), problem));
    }
    let (preparation, note) = match options.preparation {
        Some(preparation) => (preparation, None),
        None => choose(&seen, options),
    };
    check_memory(tree, seen.len(), &preparation, options)?;
    let mut collection = Collection::new(tree.name(), classes, preparation.shape);
    collection.preparation = preparation;
    collection.notes.extend(note);
    for (slot, items) in kept.into_iter().enumerate() {
        if let Some(items) = items {
            collection.put(slot, part(tree, items, &preparation, &limits, skipped));
        }
    }
    Ok(collection)
}

/// The header of a picture, and the largest value of a 16-bit picture.
fn look_at(tree: &Tree, item: &Item<'_>, limits: &Limits) -> Result<(PictureHeader, u16), String> {
    let bytes = read(tree, item.entry)?;
    let seen = look(&bytes, limits)?;
    let peak = match seen.deep {
        true => decode_deep(&bytes, limits, None)?.peak.unwrap_or(0),
        false => 0,
    };
    Ok((seen, peak))
}

/// The bytes of a picture file; errors do not name the file.
fn read(tree: &Tree, entry: &Entry) -> Result<Vec<u8>, String> {
    tree.read(entry, MAX_FILE).map_err(|error| match error {
        DataError::Io { source, .. } => source.to_string().to_lowercase(),
        DataError::File { problem, .. } => problem,
        other => other.to_string(),
    })
}

/// The preparation that suits the pictures, and a note about it.
fn choose(seen: &[(PictureHeader, u16)], options: &Options) -> (Preparation, Option<String>) {
    let channels = seen.iter().map(|(seen, _)| seen.channels).max().unwrap_or(1);
    let size = |(seen, _): &(PictureHeader, u16)| (seen.height, seen.width);
    let first = size(&seen[0]);
    let common = seen.iter().all(|seen| size(seen) == first);
    let (height, width) = match options.size {
        Some(size) => size,
        None if common => first,
        None => {
            let mut sides: Vec<usize> = seen.iter().map(|s| size(s).0.min(size(s).1)).collect();
            sides.sort_unstable();
            let side = sides[sides.len() / 2].clamp(8, MOST_SIDE);
            (side, side)
        }
    };
    let deep = seen.iter().filter(|(seen, _)| seen.deep).map(|(_, peak)| *peak).max();
    let preparation = Preparation {
        fit: options.fit,
        ground: options.ground,
        white: deep.map(white_of),
        ..Preparation::of(Shape::new(height, width, channels))
    };
    let note = (!common || (height, width) != first).then(|| {
        let least = seen.iter().map(size).min_by_key(|(h, w)| h * w).unwrap_or(first);
        let most = seen.iter().map(size).max_by_key(|(h, w)| h * w).unwrap_or(first);
        let count = seen.len();
        let bytes = memory::shown((count * preparation.shape.len()) as u64);
        format!(
            "{count} pictures of {}x{} to {}x{} pixels become images of {height}x{width} ({}, {bytes}); \
             --image-size and --fit change this",
            least.0, least.1, most.0, most.1, options.fit
        )
    });
    (preparation, note)
}

/// Refuses images that do not fit into free memory; the error names a size that fits.
fn check_memory(
    tree: &Tree,
    count: usize,
    preparation: &Preparation,
    options: &Options,
) -> Result<(), DataError> {
    let Shape { height, width, channels } = preparation.shape;
    let needed = count as u128 * preparation.shape.len() as u128;
    let Some(free) = options.memory.or_else(memory::free) else { return Ok(()) };
    if needed <= u128::from(free) {
        return Ok(());
    }
    let fits = (free as f64 / (count * channels) as f64 / 2.0).sqrt() as usize;
    let [needed, free] = [needed.try_into().unwrap_or(u64::MAX), free].map(memory::shown);
    let problem = format!(
        "{count} images of {height}x{width}x{channels} need {needed}, but only {free} is free; \
         --image-size {} fits",
        fits.clamp(1, height.min(width))
    );
    Err(DataError::file(tree.shown(), problem))
}

/// The pictures of one part as images.
fn part(
    tree: &Tree,
    items: Vec<Item<'_>>,
    preparation: &Preparation,
    limits: &Limits,
    skipped: &mut Skipped,
) -> Part {
    let size = preparation.shape.len();
    let mut pixels = vec![0; items.len() * size];
    let failed = Mutex::new(Vec::new());
    {
        let work = Mutex::new(items.iter().zip(pixels.chunks_exact_mut(size)).enumerate());
        let next = || work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
        let run = || {
            while let Some((i, (item, out))) = next() {
                let prepared = read(tree, item.entry).and_then(|bytes| {
                    let picture = decode_deep(&bytes, limits, preparation.white)?;
                    preparation.decoded(&picture, Background::Auto)
                });
                match prepared {
                    Ok(prepared) => out.copy_from_slice(&prepared.pixels),
                    Err(problem) => failed
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .push((i, problem)),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads() {
                scope.spawn(run);
            }
            run();
        });
    }
    let mut failed = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failed.sort();
    let labelled = items.iter().all(|item| item.label.is_some());
    let labels: Vec<u16> = items.iter().filter_map(|item| item.label).collect();
    let names = items.iter().map(|item| item.entry.path.clone()).collect();
    let images = Images { shape: preparation.shape, pixels };
    let labels = labelled.then_some(labels);
    let mut part = Part { images, labels, names: Names::of_files(names) };
    if !failed.is_empty() {
        let mut bad = vec![false; items.len()];
        failed.iter().for_each(|(i, _)| bad[*i] = true);
        let good: Vec<u32> = (0..items.len()).filter(|&i| !bad[i]).map(|i| i as u32).collect();
        part.keep(&good);
    }
    for (i, problem) in failed {
        skipped.add(&items[i].entry.path, problem);
    }
    part
}

/// Number of threads that the machine runs at once.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The results of `f` for each item, in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some((i, item)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            items.get(i).map(|item| (i, item))
        } {
            done.push((i, f(item)));
        }
        done
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads()).map(|_| scope.spawn(run)).collect();
        let mut all = run();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, result)| result).collect()
}
