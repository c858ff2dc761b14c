// Adds up the slices of the sums of dy and of dy x normalised x; writes the gradients of shift and scale, and
// for each channel what the gradient by x is made of, in four rows: mean, scale / deviation, share of the sum of
// dy, share of the sum of products / deviation. A workgroup takes 32 channels; eight threads share the slices of one.
var<workgroup> parts: array<vec2f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let c = group.x * 32u + t % 32u;
    var sum = vec2f(0.0);
    if (c < p.channels) {
        for (var slice = t / 32u; slice < p.slices; slice += 8u) { sum += slices[slice * p.channels + c]; }
    }
    parts[t] = sum;
    workgroupBarrier();
    if (t >= 32u || c >= p.channels) { return; }
    for (var i = 1u; i < 8u; i++) { sum += parts[t + 32u * i]; }
    gradients[p.shift + c] = sum.x;
    if (SCALED == 1u) { gradients[p.scale + c] = sum.y; }
    var through = vec2f(0.0);
    if (rates[p.parameter].w != 0.0) { through = sum / f32(step.images * p.rows); }
    let at = p.first + c;
    back[c] = norm[at];
    back[p.padded + c] = norm[p.row + at];
    back[2u * p.padded + c] = through.x;
    back[3u * p.padded + c] = through.y * norm[3u * p.row + at];
}
