//! A compute shader with everything it is bound to.
//!
//! The text of a shader begins with declarations that are made from the same list as its bind group: the
//! buffers, the whole numbers and factors that stay the same from step to step (`p`), the numbers of the
//! step (`step`), and functions that read and write maps. So the two sides cannot disagree.

use crate::device::Device;
use crate::memory::{BufferId, Memory, Place, View};
use crate::step::StepNumbers;
use modiste_spec::engine::EngineError;
use std::fmt::Write as _;

/// Threads of a workgroup of the shaders that handle one value per thread.
pub(crate) const THREADS: u64 = 256;
/// Bytes between the numbers of two shaders in their common buffer: the largest alignment that a driver
/// may ask for.
const ALIGNMENT: u64 = 256;
/// Number of workgroups in the first dimension beyond which a second one is used.
const MOST_GROUPS: u64 = 32_768;

/// The number of workgroups, which depends on the number of images of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups {
    /// Units of work that do not depend on the images.
    pub fixed: u64,
    /// Units of work for each image.
    pub per_image: u64,
    /// Units of work of a workgroup.
    pub unit: u64,
    /// Workgroups that share each unit, along the third dimension.
    pub depth: u64,
}

impl Groups {
    /// One thread for each of `values` values of an image.
    pub fn each(values: usize) -> Self {
        Self { fixed: 0, per_image: values as u64, unit: THREADS, depth: 1 }
    }

    /// One thread for each of `values` values.
    pub fn fixed(values: usize) -> Self {
        Self { fixed: values as u64, per_image: 0, unit: THREADS, depth: 1 }
    }

    /// `count` workgroups.
    pub fn count(count: usize) -> Self {
        Self { fixed: count as u64, per_image: 0, unit: 1, depth: 1 }
    }

    /// The three dimensions for a step of `images` images.
    fn of(&self, images: usize) -> [u32; 3] {
        let count = (self.fixed + self.per_image * images as u64).div_ceil(self.unit);
        let rows = count.div_ceil(MOST_GROUPS).max(1);
        [count.div_ceil(rows) as u32, rows as u32, self.depth as u32]
    }
}

/// A storage buffer of a shader.
#[derive(Clone, Debug)]
struct Binding {
    name: String,
    buffer: BufferId,
    /// First byte and number of bytes; `None` for the whole buffer.
    range: Option<(u64, u64)>,
    writable: bool,
    element: &'static str,
}

/// A shader to be dispatched in every step, before it is compiled.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// What it does, for profiles.
    pub label: String,
    /// The work for one image, in floating-point operations.
    pub operations: u64,
    body: &'static str,
    groups: Groups,
    bindings: Vec<Binding>,
    /// Names, WGSL types and bits of the numbers.
    numbers: Vec<(String, &'static str, u32)>,
    constants: Vec<(&'static str, usize)>,
    functions: String,
}

impl Kernel {
    /// A kernel with this text.
    pub fn new(label: impl Into<String>, body: &'static str, groups: Groups) -> Self {
        Self {
            label: label.into(),
            operations: 0,
            body,
            groups,
            bindings: Vec::new(),
            numbers: Vec::new(),
            constants: Vec::new(),
            functions: String::new(),
        }
    }

    /// The kernel with its work for one image, in floating-point operations.
    pub fn work(mut self, operations: u64) -> Self {
        self.operations = operations;
        self
    }

    /// A number that is the same in every step.
    pub fn number(mut self, name: &str, value: usize) -> Self {
        let value = u32::try_from(value).expect("sizes of a network fit into 32 bits");
        self.numbers.push((name.into(), "u32", value));
        self
    }

    /// A factor that is the same in every step.
    pub fn factor(mut self, name: &str, value: f64) -> Self {
        self.numbers.push((name.into(), "f32", (value as f32).to_bits()));
        self
    }

    /// A number that is part of the compiled shader.
    pub fn constant(mut self, name: &'static str, value: usize) -> Self {
        self.constants.push((name, value));
        self
    }

    /// A function that the shader's text calls.
    pub fn text(mut self, function: &str) -> Self {
        self.functions.push_str(function);
        self.functions.push('\n');
        self
    }

    /// A buffer of `element`s that the shader reads.
    pub fn reads(self, name: &str, buffer: BufferId, element: &'static str) -> Self {
        self.bind(name, buffer, None, false, element)
    }

    /// `len` floats from float `first` of a buffer that the shader reads as `element`s.
    pub fn reads_part(
        self,
        name: &str,
        (buffer, first, len): (BufferId, usize, usize),
        element: &'static str,
    ) -> Self {
        self.bind(name, buffer, Some((4 * first as u64, 4 * len as u64)), false, element)
    }

    /// A buffer of `element`s that the shader changes.
    pub fn writes(self, name: &str, buffer: BufferId, element: &'static str) -> Self {
        self.bind(name, buffer, None, true, element)
    }

    fn bind(
        mut self,
        name: &str,
        buffer: BufferId,
        range: Option<(u64, u64)>,
        writable: bool,
        element: &'static str,
    ) -> Self {
        self.bindings.push(Binding { name: name.into(), buffer, range, writable, element });
        self
    }

    /// Maps that the shader reads with `{name}_at(pixel, channel)`, or four channels at once with
    /// `{name}_at4(pixel, channel)`; channels beyond the last are 0. Loops read
    /// `{name}_load4(pixel, channel, statistics)`, with `{name}_norm4(channel)` before the loop, and only
    /// channels that are there.
    pub fn view(self, name: &str, view: &View) -> Self {
        let mut kernel = self.number(&format!("{name}_channels"), view.shape.channels);
        kernel = kernel.raw(name, view.place, view.in_fours());
        let [mut one, mut four] =
            [format!("{name}_value(pixel, c)"), format!("{name}_value4(pixel, c, n)")];
        if view.relu {
            one = format!("max({one}, 0.0)");
            four = format!("max({four}, vec4f(0.0))");
        }
        if let Some(mask) = view.mask {
            let in_fours = View { place: mask, mask: None, ..*view }.in_fours();
            let mask_name = format!("{name}_mask");
            kernel = kernel
                .number(&format!("{mask_name}_channels"), view.shape.channels)
                .raw(&mask_name, mask, in_fours);
            one = format!("select(0.0, {one}, {mask_name}_value(pixel, c) > 0.0)");
            four = format!(
                "select(vec4f(0.0), {four}, {mask_name}_value4(pixel, c, {mask_name}_norm4(c)) > vec4f(0.0))"
            );
        }
        kernel.text(&format!(
            "fn {name}_at(pixel: u32, c: u32) -> f32 {{ return {one}; }}\n\
             fn {name}_load4(pixel: u32, c: u32, n: Norm4) -> vec4f {{ return {four}; }}\n\
             fn {name}_at4(pixel: u32, c: u32) -> vec4f {{\n\
             if (c >= p.{name}_channels) {{ return vec4f(0.0); }}\n\
             return {name}_load4(pixel, c, {name}_norm4(c));\n}}"
        ))
    }

    /// Functions that read values and normalise them, if they have statistics.
    fn raw(self, name: &str, place: Place, four: bool) -> Self {
        let kernel = self.place(name, place, false, four);
        let start = format!("pixel * p.{name}_stride + p.{name}_offset + c");
        let [one, all] = match four {
            true => [
                format!("let i = {start}; let v = {name}[i / 4u][i % 4u];"),
                format!("let v = {name}[({start}) / 4u];"),
            ],
            false => [
                format!("let v = {name}[{start}];"),
                format!(
                    "let i = {start};\n\
                     var v = vec4f({name}[i], 0.0, 0.0, 0.0);\n\
                     if (c + 1u < p.{name}_channels) {{ v.y = {name}[i + 1u]; }}\n\
                     if (c + 2u < p.{name}_channels) {{ v.z = {name}[i + 2u]; }}\n\
                     if (c + 3u < p.{name}_channels) {{ v.w = {name}[i + 3u]; }}"
                ),
            ],
        };
        let (kernel, statistics, one_norm, norm) = match place.norm {
            None => (
                kernel,
                "return Norm4(vec4f(0.0), vec4f(1.0), vec4f(0.0));".into(),
                "v".into(),
                "v",
            ),
            Some(norm) => (
                kernel
                    .reads(&format!("{name}_norm"), norm.buffer, "vec4f")
                    .number(&format!("{name}_first"), norm.first / 4)
                    .number(&format!("{name}_fours"), norm.row / 4),
                format!(
                    "let i = p.{name}_first + c / 4u; return Norm4({name}_norm[i], {name}_norm[p.{name}_fours + i], \
                     {name}_norm[2u * p.{name}_fours + i]);"
                ),
                format!("norm1(v, {name}_norm4(c), c % 4u)"),
                "(v - n.mean) * n.factor + n.shift",
            ),
        };
        kernel.text(&format!(
            "fn {name}_norm4(c: u32) -> Norm4 {{ {statistics} }}\n\
             fn {name}_value(pixel: u32, c: u32) -> f32 {{ {one} return {one_norm}; }}\n\
             fn {name}_value4(pixel: u32, c: u32, n: Norm4) -> vec4f {{\n{all}\nreturn {norm};\n}}"
        ))
    }

    /// Maps that the shader writes with `{name}_put(pixel, channel, value)` or `{name}_put4`, which leaves
    /// out channels beyond the last. With `add` the value is added to what is there.
    pub fn target(self, name: &str, view: &View, add: bool) -> Self {
        let four = view.in_fours();
        let mut kernel = self.place(name, view.place, true, four);
        let start = format!("pixel * p.{name}_stride + p.{name}_offset + c");
        let sign = if add { "+=" } else { "=" };
        let f = &mut kernel.functions;
        if four {
            let _ = writeln!(
                f,
                "fn {name}_put(pixel: u32, c: u32, v: f32) {{ let i = {start}; {name}[i / 4u][i % 4u] {sign} v; }}\n\
                 fn {name}_put4(pixel: u32, c: u32, v: vec4f) {{\n\
                 if (c < p.{name}_channels) {{ {name}[({start}) / 4u] {sign} v; }}\n}}"
            );
        } else {
            let _ = writeln!(
                f,
                "fn {name}_put(pixel: u32, c: u32, v: f32) {{ {name}[{start}] {sign} v; }}\n\
                 fn {name}_put4(pixel: u32, c: u32, v: vec4f) {{\n\
                 let i = {start};\n\
                 if (c < p.{name}_channels) {{ {name}[i] {sign} v.x; }}\n\
                 if (c + 1u < p.{name}_channels) {{ {name}[i + 1u] {sign} v.y; }}\n\
                 if (c + 2u < p.{name}_channels) {{ {name}[i + 2u] {sign} v.z; }}\n\
                 if (c + 3u < p.{name}_channels) {{ {name}[i + 3u] {sign} v.w; }}\n}}"
            );
        }
        kernel.number(&format!("{name}_channels"), view.shape.channels)
    }

    /// Binds a map's buffer and adds its place within it.
    fn place(self, name: &str, place: Place, writable: bool, four: bool) -> Self {
        let element = if four { "vec4f" } else { "f32" };
        self.bind(name, place.buffer, None, writable, element)
            .number(&format!("{name}_offset"), place.offset)
            .number(&format!("{name}_stride"), place.stride)
    }

    /// Checks that a step of `images` images takes no more than `most` workgroups in any dimension.
    ///
    /// # Errors
    /// Names the kernel.
    pub fn check(&self, images: usize, most: u32) -> Result<(), EngineError> {
        let Groups { depth, .. } = self.groups;
        let largest = self.groups.of(images).into_iter().map(u64::from).fold(depth, u64::max);
        match largest <= u64::from(most) {
            true => Ok(()),
            false => Err(EngineError::Unsupported(format!(
                "{}: takes {largest} workgroups, more than the GPU's limit of {most}",
                self.label
            ))),
        }
    }

    /// The shader's complete text.
    fn source(&self) -> String {
        let mut text = String::from(include_str!("shaders/common.wgsl"));
        let _ = writeln!(text, "{}", StepNumbers::declaration());
        for (name, value) in &self.constants {
            let _ = writeln!(text, "const {name}: u32 = {value}u;");
        }
        text += "struct Numbers {\n";
        for (name, kind, _) in &self.numbers {
            let _ = writeln!(text, "{name}: {kind},");
        }
        text += "}\n@group(0) @binding(0) var<uniform> p: Numbers;\n\
                 @group(0) @binding(1) var<uniform> step: Step;\n";
        for (i, Binding { name, writable, element, .. }) in self.bindings.iter().enumerate() {
            let access = if *writable { "read_write" } else { "read" };
            let at = i + 2;
            let _ = writeln!(
                text,
                "@group(0) @binding({at}) var<storage, {access}> {name}: array<{element}>;"
            );
        }
        text + &self.functions + &unrolled(self.body, &self.constants)
    }

    fn layout(&self, device: &wgpu::Device) -> wgpu::BindGroupLayout {
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let uniform = |binding| entry(binding, wgpu::BufferBindingType::Uniform);
        let mut entries = vec![uniform(0), uniform(1)];
        let storage = self.bindings.iter().enumerate().map(|(i, binding)| {
            let read_only = !binding.writable;
            entry(i as u32 + 2, wgpu::BufferBindingType::Storage { read_only })
        });
        entries.extend(storage);
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&self.label),
            entries: &entries,
        })
    }

    fn pipeline(&self, device: &Device, layout: &wgpu::BindGroupLayout) -> wgpu::ComputePipeline {
        let source = self.source();
        let mut known = device.pipelines.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(pipeline) = known.get(&source) {
            return pipeline.clone();
        }
        let module = device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&self.label),
            source: wgpu::ShaderSource::Wgsl(source.as_str().into()),
        });
        let layout = device.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(layout)],
            immediate_size: 0,
        });
        let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&self.label),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            // Every shader writes its workgroup memory before it reads it.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        known.insert(source, pipeline.clone());
        pipeline
    }
}

/// Repeats the lines between `#for i N` and `#end`, with `{i}` replaced by 0 to N - 1. N is a number or the
/// name of a constant; loops may be nested. Drivers do not unroll wgpu's loops, whose counters it guards.
fn unrolled(body: &str, constants: &[(&'static str, usize)]) -> String {
    let lines: Vec<&str> = body.lines().collect();
    let mut text = String::new();
    expand(&lines, constants, &[], &mut text);
    text
}

fn expand(
    lines: &[&str],
    constants: &[(&'static str, usize)],
    indices: &[(String, usize)],
    text: &mut String,
) {
    let mut at = 0;
    while at < lines.len() {
        let Some(head) = lines[at].trim().strip_prefix("#for ") else {
            let line = indices
                .iter()
                .fold(lines[at].to_owned(), |l, (name, i)| l.replace(name, &i.to_string()));
            text.push_str(&line);
            text.push('\n');
            at += 1;
            continue;
        };
        let (name, count) = head.split_once(' ').expect("a name and a count");
        let known = constants.iter().find(|(name, _)| *name == count).map(|(_, n)| *n);
        let count = known.unwrap_or_else(|| count.parse().expect("a number or a constant"));
        let end = at + closing(&lines[at..]);
        for i in 0..count {
            let inner = [indices, &[(format!("{{{name}}}"), i)]].concat();
            expand(&lines[at + 1..end], constants, &inner, text);
        }
        at = end + 1;
    }
}

/// The position of the `#end` of the loop that begins with the first line.
fn closing(lines: &[&str]) -> usize {
    let mut depth = 0;
    let ends = lines.iter().position(|line| {
        let line = line.trim();
        depth += usize::from(line.starts_with("#for "));
        depth -= usize::from(line == "#end");
        depth == 0
    });
    ends.expect("every #for has its #end")
}

/// A compiled kernel with its bind group.
pub(crate) struct Dispatch {
    /// What it does.
    pub label: String,
    /// The work for one image, in floating-point operations.
    pub operations: u64,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    groups: Groups,
}

impl Dispatch {
    /// Records the dispatch for a step of `images` images.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>, images: usize) {
        let [x, y, z] = self.groups.of(images);
        if x > 0 {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            pass.dispatch_workgroups(x, y, z);
        }
    }
}

/// Compiles `kernels`; their numbers lie in one buffer that is never written again.
pub(crate) fn compile(device: &Device, memory: &Memory, kernels: &[Kernel]) -> Vec<Dispatch> {
    let numbers = device.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("numbers of the shaders"),
        size: ALIGNMENT * kernels.len().max(1) as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut words = vec![0u32; kernels.len() * ALIGNMENT as usize / 4];
    let mut dispatches = Vec::with_capacity(kernels.len());
    for (i, kernel) in kernels.iter().enumerate() {
        let first = i * ALIGNMENT as usize / 4;
        for (word, (_, _, bits)) in words[first..].iter_mut().zip(&kernel.numbers) {
            *word = *bits;
        }
        let layout = kernel.layout(&device.device);
        let pipeline = kernel.pipeline(device, &layout);
        let group = bind(device, memory, kernel, &layout, (&numbers, i as u64 * ALIGNMENT));
        let (label, operations) = (kernel.label.clone(), kernel.operations);
        dispatches.push(Dispatch { label, operations, pipeline, group, groups: kernel.groups });
    }
    device.queue.write_buffer(&numbers, 0, bytemuck::cast_slice(&words));
    dispatches
}

fn bind(
    device: &Device,
    memory: &Memory,
    kernel: &Kernel,
    layout: &wgpu::BindGroupLayout,
    (numbers, first): (&wgpu::Buffer, u64),
) -> wgpu::BindGroup {
    let part = |buffer, offset, bytes: u64| {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer,
            offset,
            size: std::num::NonZeroU64::new(bytes),
        })
    };
    let mut resources =
        vec![part(numbers, first, ALIGNMENT), memory.buffer(memory.step).as_entire_binding()];
    for binding in &kernel.bindings {
        let buffer = memory.buffer(binding.buffer);
        resources.push(match binding.range {
            Some((first, bytes)) => part(buffer, first, bytes),
            None => buffer.as_entire_binding(),
        });
    }
    let entries: Vec<_> = resources
        .into_iter()
        .enumerate()
        .map(|(i, resource)| wgpu::BindGroupEntry { binding: i as u32, resource })
        .collect();
    device.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&kernel.label),
        layout,
        entries: &entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_written_out() {
        let body = "a\n#for i N\nb{i}\n#for j 2\nc{i}{j}\n#end\n#end\nd";
        let text = unrolled(body, &[("N", 2)]);
        assert_eq!(text, "a\nb0\nc00\nc01\nb1\nc10\nc11\nd\n");
    }

    #[test]
    fn many_workgroups_take_a_second_dimension() {
        let groups = Groups { fixed: 0, per_image: 1_000_000, unit: 256, depth: 3 };
        assert_eq!(groups.of(1), [3907, 1, 3]);
        let [x, y, z] = groups.of(100);
        assert!(x <= 65_535 && u64::from(x) * u64::from(y) >= 390_625 && z == 3, "{x} {y}");
    }
}
