// Adds up losses and hits of the images of a step, always in the same order.
var<workgroup> parts: array<vec2f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) t: u32) {
    var sum = vec2f(0.0);
    for (var image = t; image < step.images; image += 256u) { sum += losses[image]; }
    parts[t] = sum;
    workgroupBarrier();
    for (var half = p.half; half > 0u; half /= 2u) {
        if (t < half) { parts[t] += parts[t + half]; }
        workgroupBarrier();
    }
    if (t == 0u) { results[step.slot] = parts[0]; }
}
