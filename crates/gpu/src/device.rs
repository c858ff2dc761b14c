//! Adapters, and the device that one of them opens.

use modiste_spec::engine::EngineError;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A graphics card, or a program that acts as one, that the drivers of this machine offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterInfo {
    /// Position in [`adapters`], for `--device`.
    pub number: usize,
    /// The driver's name of it.
    pub name: String,
    /// Discrete GPU, integrated GPU, virtual GPU or software.
    pub kind: &'static str,
    /// Vulkan, Metal or DirectX 12.
    pub backend: &'static str,
    /// Name and version of the driver.
    pub driver: String,
    /// Why the engine cannot use it, in one line.
    pub unfit: Option<String>,
}

impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, name, kind, backend, driver, unfit } = self;
        write!(f, "{number}: {name} ({kind}, {backend}, {driver})")?;
        unfit.iter().try_for_each(|why| write!(f, ": not usable: {why}"))
    }
}

/// A limit: what it counts, how to read it, and the least that the shaders need.
type Limit = (&'static str, fn(&wgpu::Limits) -> u32, u32);

/// What the shaders need; WebGPU guarantees it, some drivers do not reach it.
const NEEDED: [Limit; 5] = [
    ("threads in a workgroup", |l| l.max_compute_invocations_per_workgroup, 256),
    ("bytes of workgroup memory", |l| l.max_compute_workgroup_storage_size, 16_384),
    ("storage buffers in a shader", |l| l.max_storage_buffers_per_shader_stage, 8),
    ("workgroups in a dimension", |l| l.max_compute_workgroups_per_dimension, 65_535),
    ("uniform buffers in a shader", |l| l.max_uniform_buffers_per_shader_stage, 2),
];

/// Kinds of adapters, in the order in which one is chosen, and what to call them.
const KINDS: [(wgpu::DeviceType, &str); 5] = [
    (wgpu::DeviceType::DiscreteGpu, "discrete GPU"),
    (wgpu::DeviceType::IntegratedGpu, "integrated GPU"),
    (wgpu::DeviceType::VirtualGpu, "virtual GPU"),
    (wgpu::DeviceType::Other, "other"),
    (wgpu::DeviceType::Cpu, SOFTWARE),
];
const SOFTWARE: &str = "software";

/// The adapters of this machine, in the drivers' order.
pub fn adapters() -> Vec<AdapterInfo> {
    enumerate().iter().enumerate().map(|(number, adapter)| described(number, adapter)).collect()
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
}

fn described(number: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let info = adapter.get_info();
    let kind = KINDS.iter().find(|(kind, _)| *kind == info.device_type);
    let limits = adapter.limits();
    let below = NEEDED.iter().find(|(_, found, least)| found(&limits) < *least);
    let unfit = below.map(|(what, found, least)| format!("{} {what} of {least}", found(&limits)));
    AdapterInfo {
        number,
        name: info.name,
        kind: kind.map_or("other", |(_, name)| name),
        backend: match info.backend {
            wgpu::Backend::Vulkan => "Vulkan",
            wgpu::Backend::Metal => "Metal",
            wgpu::Backend::Dx12 => "DirectX 12",
            wgpu::Backend::Noop | wgpu::Backend::Gl | wgpu::Backend::BrowserWebGpu => "other",
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        unfit,
    }
}

/// The position of the adapter that `wanted` names: a number of the list, or a part of a name in any
/// case. Without a wish, the first of the best kind, but no software: that is slower than the CPU engine.
fn choose(list: &[AdapterInfo], wanted: Option<&str>) -> Result<usize, EngineError> {
    let fail = |text: String| Err(EngineError::Device(text));
    if list.is_empty() {
        return fail("no GPU found: no driver for Vulkan, Metal or DirectX 12 offers one".into());
    }
    let names = list.iter().map(AdapterInfo::to_string).collect::<Vec<_>>().join("; ");
    let found = match wanted.map(|wanted| (wanted, wanted.parse::<usize>())) {
        Some((_, Ok(number))) => list.get(number),
        Some((part, Err(_))) => {
            list.iter().find(|a| a.name.to_lowercase().contains(&part.to_lowercase()))
        }
        None => {
            let fit = |kind: &str| list.iter().find(|a| a.kind == kind && a.unfit.is_none());
            KINDS.iter().filter(|(_, kind)| *kind != SOFTWARE).find_map(|(_, kind)| fit(kind))
        }
    };
    match (found, wanted) {
        (Some(AdapterInfo { unfit: Some(why), name, .. }), _) => {
            fail(format!("{name} cannot be used: it has {why} needed"))
        }
        (Some(adapter), _) => Ok(adapter.number),
        (None, Some(wanted)) => fail(format!("no GPU {wanted:?}; available: {names}")),
        (None, None) => fail(format!("no GPU found; to use one of these, name it: {names}")),
    }
}

/// An open device with its queue, its compiled shaders and what went wrong with it.
pub(crate) struct Device {
    /// The device.
    pub device: wgpu::Device,
    /// Its only queue.
    pub queue: wgpu::Queue,
    /// The adapter it belongs to.
    pub info: AdapterInfo,
    /// The first error that no call returned: the device was lost, or memory ran out.
    failure: Arc<Mutex<Option<String>>>,
    /// Compiled shaders by their text.
    pub pipelines: Mutex<HashMap<String, wgpu::ComputePipeline>>,
}

impl Device {
    /// The device that `wanted` names, opened by an earlier engine of this process if it still works:
    /// engines for the same device share its compiled shaders.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn shared(wanted: Option<&str>) -> Result<Arc<Self>, EngineError> {
        static OPEN: Mutex<Vec<(Option<String>, Arc<Device>)>> = Mutex::new(Vec::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, device)| device.check().is_ok());
        if let Some((_, device)) = open.iter().find(|(name, _)| name.as_deref() == wanted) {
            return Ok(device.clone());
        }
        let device = Self::open(wanted)?;
        open.push((wanted.map(str::to_owned), device.clone()));
        Ok(device)
    }

    /// Opens the adapter that `wanted` names ([`choose`]).
    ///
    /// # Errors
    /// If there is none, or its driver does not open it.
    pub fn open(wanted: Option<&str>) -> Result<Arc<Self>, EngineError> {
        let found = enumerate();
        let list: Vec<_> = found.iter().enumerate().map(|(i, a)| described(i, a)).collect();
        let number = choose(&list, wanted)?;
        let (adapter, info) = (&found[number], list[number].clone());
        let timestamps = wgpu::Features::TIMESTAMP_QUERY;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("modiste"),
            required_features: adapter.features() & timestamps,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) =
            opened.map_err(|e| EngineError::Device(format!("{} does not open: {e}", info.name)))?;
        let failure = Arc::new(Mutex::new(None));
        let (lost, failed) = (failure.clone(), failure.clone());
        device.set_device_lost_callback(move |reason, text| {
            note(&lost, format!("the device was lost ({reason:?}): {text}"));
        });
        device.on_uncaptured_error(Arc::new(move |error| note(&failed, error.to_string())));
        let pipelines = Mutex::default();
        Ok(Arc::new(Self { device, queue, info, failure, pipelines }))
    }

    /// The first thing that went wrong, as an error.
    ///
    /// # Errors
    /// If the device was lost or a command failed; the device is then unusable.
    pub fn check(&self) -> Result<(), EngineError> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(text) => Err(EngineError::Device(format!("{}: {text}", self.info.name))),
            None => Ok(()),
        }
    }

    /// Waits until everything submitted is done.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn wait(&self) -> Result<(), EngineError> {
        if let Err(error) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            note(&self.failure, error.to_string());
        }
        self.check()
    }

    /// The first `bytes` of `buffer` after everything submitted, by way of a buffer that the host sees.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>, EngineError> {
        self.check()?;
        let near = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &near, 0, bytes);
        self.queue.submit([encoder.finish()]);
        near.map_async(wgpu::MapMode::Read, .., |_| ());
        self.wait()?;
        let mapped = near.get_mapped_range(..).map_err(|e| EngineError::Device(e.to_string()))?;
        Ok(mapped.to_vec())
    }
}

/// Keeps the first failure: later ones follow from it.
fn note(failure: &Mutex<Option<String>>, text: String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(number: usize, name: &str, kind: &'static str) -> AdapterInfo {
        let (name, backend, driver) = (name.to_owned(), "Vulkan", "1.0".to_owned());
        AdapterInfo { number, name, kind, backend, driver, unfit: None }
    }

    #[test]
    fn the_best_gpu_is_chosen_unless_one_is_named() {
        let list = [
            adapter(0, "llvmpipe", SOFTWARE),
            adapter(1, "Graphics 770", "integrated GPU"),
            adapter(2, "Big H100", "discrete GPU"),
        ];
        assert_eq!(choose(&list, None), Ok(2));
        assert_eq!(choose(&list[..2], None), Ok(1));
        assert_eq!(choose(&list, Some("1")), Ok(1));
        assert_eq!(choose(&list, Some("LLVM")), Ok(0));
    }

    #[test]
    fn refusals_are_one_line_that_says_what_there_is() {
        let soft = [adapter(0, "llvmpipe", SOFTWARE)];
        let refusal = |list: &[_], wanted| choose(list, wanted).unwrap_err().to_string();
        assert!(refusal(&[], None).starts_with("no GPU found: no driver"));
        let line =
            "no GPU found; to use one of these, name it: 0: llvmpipe (software, Vulkan, 1.0)";
        assert_eq!(refusal(&soft, None), line);
        assert!(refusal(&soft, Some("7")).starts_with("no GPU \"7\"; available: 0: llvmpipe"));
        assert!(refusal(&soft, Some("h100")).starts_with("no GPU \"h100\"; available: 0"));
        let weak = [AdapterInfo { unfit: Some("64 threads of 256".into()), ..soft[0].clone() }];
        let line = "llvmpipe cannot be used: it has 64 threads of 256 needed";
        assert_eq!(refusal(&weak, Some("0")), line);
    }
}
