//! Draws a given number of images of each class from a pool.
//!
//! `stratum` distinguishes the pools of one source: 0 training images, 1 the source's own validation
//! part, 2 its own test part, 3 images divided into folds.

use modiste_spec::random::{Purpose, Stream};

use crate::dataset::Part;

/// The images to draw from, with their labels.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'a> {
    pub labels: Option<&'a [u16]>,
    pub images: usize,
    pub classes: &'a [String],
}

/// The images of `pool` at three lists of increasing indices. The longest list reuses the memory of the
/// pool, so hardly any more is needed.
pub(crate) fn pick(mut pool: Part, lists: [Vec<u32>; 3]) -> [Part; 3] {
    let longest = (0..3).max_by_key(|&i| lists[i].len()).unwrap_or(0);
    let mut parts = [0, 1, 2].map(|i| {
        if i == longest { Part::empty(pool.images.shape) } else { pool.select(&lists[i]) }
    });
    pool.keep(&lists[longest]);
    parts[longest] = pool;
    parts
}

/// Draws `counts` images from `pool`, in the proportions of its classes.
pub(crate) fn proportional(
    pool: Pool<'_>,
    counts: [usize; 3],
    seed: u64,
    stratum: u64,
) -> Result<[Vec<u32>; 3], String> {
    let wanted = counts.iter().try_fold(0_usize, |sum, &count| sum.checked_add(count));
    if wanted.is_none_or(|wanted| wanted > pool.images) {
        let what = if stratum == 2 { "test" } else { "training and validation" };
        return Err(format!("there are only {} images for {what}", pool.images));
    }
    let mut sizes: Vec<usize> = strata(pool).iter().map(Vec::len).collect();
    let quotas = counts.map(|count| {
        let quota = shares(count, &sizes);
        for (size, taken) in sizes.iter_mut().zip(&quota) {
            *size -= taken;
        }
        quota
    });
    let [t, v, s] = &quotas;
    deal(pool, [t, v, s], seed, stratum)
}

/// Divides `count` in proportion to `sizes`, rounding up the largest remainders.
fn shares(count: usize, sizes: &[usize]) -> Vec<usize> {
    let all = sizes.iter().sum::<usize>().max(1) as u128;
    let exact = |size: usize| count as u128 * size as u128;
    let mut quota: Vec<usize> = sizes.iter().map(|&size| (exact(size) / all) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&class| (std::cmp::Reverse(exact(sizes[class]) % all), class));
    let short = count - quota.iter().sum::<usize>();
    for &class in &order[..short] {
        quota[class] += 1;
    }
    quota
}

/// Draws `quotas` images of each class of `pool` for the three parts (an empty quota draws none).
///
/// Each class is shuffled; training images come from its front, validation images from its back and test
/// images from just before those, so a larger split contains a smaller one. Each part keeps the order
/// of the pool.
pub(crate) fn deal(
    pool: Pool<'_>,
    quotas: [&[usize]; 3],
    seed: u64,
    stratum: u64,
) -> Result<[Vec<u32>; 3], String> {
    let mut drawn = [const { Vec::new() }; 3];
    for (class, members) in strata(pool).iter().enumerate() {
        let [t, v, s] = quotas.map(|quota| quota.get(class).copied().unwrap_or(0));
        let have = members.len();
        if t + v + s > have {
            let class = &pool.classes[class];
            let wanted = t + v + s;
            return Err(format!("class {class} has {have} images, but {wanted} are needed"));
        }
        let item = u32::try_from(class).expect("classes are numbered in 16 bits");
        let order = Stream::new(seed, Purpose::Split, item, stratum).permutation(have);
        let ranges = [0..t, have - v..have, have - v - s..have - v];
        for (part, range) in drawn.iter_mut().zip(ranges) {
            part.extend(order[range].iter().map(|&i| members[i as usize]));
        }
    }
    Ok(drawn.map(|mut part| {
        part.sort_unstable();
        part
    }))
}

/// The images of `pool` outside fold `number` (from 1) of `folds`, and those in it.
pub(crate) fn fold(
    pool: Pool<'_>,
    number: usize,
    folds: usize,
    seed: u64,
) -> Result<[Vec<u32>; 2], String> {
    let strata = strata(pool);
    if let Some(class) = strata.iter().position(|members| members.len() < folds) {
        let (class, have) = (&pool.classes[class], strata[class].len());
        return Err(format!("class {class} has {have} images for {folds} folds"));
    }
    let fold_of = deal_folds(&strata, folds, seed);
    let n = u32::try_from(pool.images).expect("readers take under 2^32 images");
    let (inside, outside): (Vec<u32>, Vec<u32>) =
        (0..n).partition(|&i| fold_of[i as usize] == number - 1);
    Ok([outside, inside])
}

/// The fold, from 0, of each image with these labels: that of `split:fold=i/folds`, minus 1. Unlike in a
/// split, a class may have fewer images than there are folds.
pub fn fold_of(labels: &[u16], classes: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut strata = vec![Vec::new(); classes];
    for (i, &label) in (0..).zip(labels) {
        strata[usize::from(label)].push(i);
    }
    deal_folds(&strata, folds, seed)
}

/// The fold of each image.
///
/// Each class is shuffled and dealt to the folds in turn, like cards; every class starts with another
/// fold, so that the sizes of folds differ by at most one image per class.
fn deal_folds(strata: &[Vec<u32>], folds: usize, seed: u64) -> Vec<usize> {
    let mut fold_of = vec![0; strata.iter().map(Vec::len).sum()];
    for (class, members) in strata.iter().enumerate() {
        let item = u32::try_from(class).expect("classes are numbered in 16 bits");
        let order = Stream::new(seed, Purpose::Split, item, 3).permutation(members.len());
        for (i, &at) in order.iter().enumerate() {
            fold_of[members[at as usize] as usize] = (i + class) % folds;
        }
    }
    fold_of
}

/// The images of each class; all in one list if there are no labels.
fn strata(pool: Pool<'_>) -> Vec<Vec<u32>> {
    let n = u32::try_from(pool.images).expect("readers take under 2^32 images");
    let Some(labels) = pool.labels else { return vec![(0..n).collect()] };
    let mut strata = vec![Vec::new(); pool.classes.len()];
    for (i, &label) in (0..n).zip(labels) {
        strata[usize::from(label)].push(i);
    }
    strata
}
