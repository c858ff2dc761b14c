//! Buffers: planned first, so that their sizes are known and checked before any is created.

use crate::device::Device;
use modiste_spec::Shape;
use modiste_spec::engine::EngineError;

/// A planned buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferId(usize);

/// Where maps of a batch lie: pixel p of all images begins at `offset` + p x `stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The buffer.
    pub buffer: BufferId,
    /// Position of the first value.
    pub offset: usize,
    /// Values from pixel to pixel.
    pub stride: usize,
    /// The statistics that normalise each value when it is read.
    pub norm: Option<Norm>,
}

/// Statistics of some channels ([`Statistics`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Norm {
    /// Where they lie.
    pub buffer: BufferId,
    /// The first of the channels, a multiple of four.
    pub first: usize,
    /// Values from one kind of statistics to the next.
    pub row: usize,
}

impl Norm {
    /// The statistics of all `channels` channels of a buffer.
    pub fn whole(buffer: BufferId, channels: usize) -> Self {
        Self { buffer, first: 0, row: channels.next_multiple_of(4) }
    }
}

/// The statistics of a normalisation: means, factors, shifts and inverse deviations of the channels, one
/// after the other, each padded to fours.
pub(crate) struct Statistics;

impl Statistics {
    /// Values of the statistics of `channels` channels.
    pub fn len(channels: usize) -> usize {
        4 * channels.next_multiple_of(4)
    }
}

/// Maps of a batch as their readers see them. Normalisations and ReLUs have no maps of their own: whoever
/// reads them applies them to their input's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Where the values lie.
    pub place: Place,
    /// Whether negative values are read as 0, after normalising.
    pub relu: bool,
    /// For gradients: maps whose values must be positive where the gradient is not 0.
    pub mask: Option<Place>,
    /// Shape of one image's map.
    pub shape: Shape,
}

impl View {
    /// Maps that fill a buffer.
    pub fn dense(buffer: BufferId, shape: Shape) -> Self {
        let place = Place { buffer, offset: 0, stride: shape.channels, norm: None };
        Self { place, relu: false, mask: None, shape }
    }

    /// Whether four neighbouring channels can be read at once.
    pub fn in_fours(&self) -> bool {
        let Place { offset, stride, .. } = self.place;
        [offset, stride, self.shape.channels].iter().all(|n| n.is_multiple_of(4))
    }

    /// Some of the channels.
    pub fn channels(&self, first: usize, channels: usize) -> Self {
        let Shape { height, width, .. } = self.shape;
        let of = |norm: Norm| {
            assert!(first.is_multiple_of(4), "statistics are read four at a time");
            Norm { first: norm.first + first, ..norm }
        };
        let part = |place: Place| Place {
            offset: place.offset + first,
            norm: place.norm.map(of),
            ..place
        };
        Self {
            place: part(self.place),
            mask: self.mask.map(part),
            shape: Shape { height, width, channels },
            ..*self
        }
    }
}

/// The size of a planned buffer, in values of four bytes.
#[derive(Clone, Debug)]
struct Size {
    label: String,
    fixed: u64,
    per_image: u64,
}

/// The sizes of all buffers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    sizes: Vec<Size>,
}

impl Sizes {
    /// Plans a buffer of `fixed` values and `per_image` values for each image.
    pub fn add(&mut self, label: impl Into<String>, fixed: usize, per_image: usize) -> BufferId {
        let (fixed, per_image) = (fixed as u64, per_image as u64);
        self.sizes.push(Size { label: label.into(), fixed, per_image });
        BufferId(self.sizes.len() - 1)
    }

    /// Plans the maps of a node.
    pub fn maps(&mut self, label: impl Into<String>, shape: Shape) -> View {
        let buffer = self.add(label, 0, shape.len());
        View::dense(buffer, shape)
    }

    /// Makes a buffer at least this large.
    pub fn grow(&mut self, buffer: BufferId, fixed: usize) {
        let size = &mut self.sizes[buffer.0];
        size.fixed = size.fixed.max(fixed as u64);
    }

    /// Bytes of all buffers for `batch` images.
    pub fn bytes(&self, batch: usize) -> u64 {
        self.sizes.iter().map(|size| size.bytes(batch)).sum()
    }

    /// Checks that every buffer for `batch` images is within the device's limits.
    ///
    /// # Errors
    /// Names the largest buffer, and the largest batch that fits.
    fn check(&self, batch: usize, most: u64) -> Result<(), EngineError> {
        let Some(over) = self.sizes.iter().find(|size| size.bytes(batch) > most) else {
            return Ok(());
        };
        let fits = |batch: &usize| self.sizes.iter().all(|size| size.bytes(*batch) <= most);
        let advice = match (1..batch).rev().find(fits) {
            Some(batch) => format!("a batch of {batch} images fits"),
            None => "no batch fits".to_owned(),
        };
        let (label, bytes) = (&over.label, over.bytes(batch));
        Err(EngineError::Unsupported(format!(
            "{label}: {bytes} bytes in one buffer, more than the GPU's limit of {most}; {advice}"
        )))
    }
}

impl Size {
    fn bytes(&self, batch: usize) -> u64 {
        // Bound as vectors of four; an empty buffer cannot be bound.
        (4 * (self.fixed + self.per_image * batch as u64)).next_multiple_of(16).max(16)
    }
}

/// All buffers of an engine.
pub(crate) struct Memory {
    buffers: Vec<wgpu::Buffer>,
    /// The numbers of the step.
    pub step: BufferId,
    /// Bytes of all buffers.
    pub bytes: u64,
}

impl Memory {
    /// Creates the buffers, filled with zeros, for `batch` images.
    ///
    /// # Errors
    /// If a buffer is over the limits, or the GPU has not enough memory; then names a batch that fits.
    pub fn create(
        device: &Device,
        sizes: &Sizes,
        step: BufferId,
        batch: usize,
    ) -> Result<Self, EngineError> {
        let limits = device.device.limits();
        // Shaders count values in 32 bits, and pixels with a sign.
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(1 << 33);
        sizes.check(batch, most)?;
        match Self::try_create(device, sizes, step, batch)? {
            Some(memory) => Ok(memory),
            None => Err(too_large(device, sizes, step, batch)?),
        }
    }

    /// `None` if there is not enough memory.
    fn try_create(
        device: &Device,
        sizes: &Sizes,
        step: BufferId,
        batch: usize,
    ) -> Result<Option<Self>, EngineError> {
        let scope = device.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = sizes.sizes.iter().enumerate().map(|(i, size)| {
            let kind = match BufferId(i) == step {
                true => wgpu::BufferUsages::UNIFORM,
                false => wgpu::BufferUsages::STORAGE,
            };
            device.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&size.label),
                size: size.bytes(batch),
                usage: kind | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        });
        let buffers: Vec<_> = buffers.collect();
        let failed = pollster::block_on(scope.pop());
        device.check()?;
        let bytes = sizes.bytes(batch);
        Ok(failed.is_none().then_some(Self { buffers, step, bytes }))
    }

    /// Adds a buffer of `values` zeros.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn add(
        &mut self,
        device: &Device,
        label: &str,
        values: usize,
    ) -> Result<BufferId, EngineError> {
        let mut sizes = Sizes::default();
        sizes.add(label, values, 0);
        let none = BufferId(usize::MAX);
        let Some(more) = Self::try_create(device, &sizes, none, 1)? else {
            let text = format!("{} has not enough free memory for {label}", device.info.name);
            return Err(EngineError::Unsupported(text));
        };
        self.bytes += more.bytes;
        self.buffers.extend(more.buffers);
        Ok(BufferId(self.buffers.len() - 1))
    }

    /// A planned buffer.
    pub fn buffer(&self, id: BufferId) -> &wgpu::Buffer {
        &self.buffers[id.0]
    }
}

/// The refusal of a batch for which there is not enough memory; tries smaller ones.
fn too_large(
    device: &Device,
    sizes: &Sizes,
    step: BufferId,
    batch: usize,
) -> Result<EngineError, EngineError> {
    let mut smaller = batch / 2;
    while smaller > 0 && Memory::try_create(device, sizes, step, smaller)?.is_none() {
        smaller /= 2;
    }
    let advice = match smaller {
        0 => "no batch fits".to_owned(),
        _ => format!("a batch of {smaller} images fits"),
    };
    let (name, bytes) = (&device.info.name, sizes.bytes(batch));
    Ok(EngineError::Unsupported(format!(
        "{name} has not enough free memory: {bytes} bytes are needed for {batch} images; {advice}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_over_the_limit_is_named_with_the_batch_that_fits() {
        let mut sizes = Sizes::default();
        sizes.maps("stem", Shape::new(10, 10, 4));
        sizes.add("filters", 100, 0);
        assert_eq!(sizes.bytes(2), 2 * 1600 + 400);
        sizes.check(10, 16_000).unwrap();
        let line = sizes.check(11, 16_000).unwrap_err().to_string();
        let expected = "stem: 17600 bytes in one buffer, more than the GPU's limit of 16000; \
                        a batch of 10 images fits";
        assert_eq!(line, expected);
        let line = sizes.check(1, 300).unwrap_err().to_string();
        assert!(line.ends_with("no batch fits"), "{line}");
    }
}
