// Sums over pixels, by channel, in slices: a workgroup takes 32 channels and a slice of the pixels. Writes for
// each slice and channel a pair, which depends on MODE:
// 0: mean and sum of squared distances from it, of x; 1: sums of dy and of dy x normalised x; 2: sum of dy.
var<workgroup> parts: array<vec2f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let slice = group.x;
    let c = group.z * 32u + t % 32u;
    let pixels = step.images * p.rows;
    let share = (pixels + p.slices - 1u) / p.slices;
    let begin = min(slice * share, pixels);
    let end = min(begin + share, pixels);
    let count = f32(end - begin);
    var shift = 0.0;
    var sum = vec2f(0.0);
    if (c < p.channels && begin < end) {
        if (MODE == 0u) { shift = first_of(begin, c); }
        for (var pixel = begin + t / 32u; pixel < end; pixel += 8u) { sum += pair(pixel, c, shift); }
    }
    parts[t] = sum;
    workgroupBarrier();
    if (t < 32u && c < p.channels) {
        var all = parts[t];
        for (var i = 1u; i < 8u; i++) { all += parts[t + 32u * i]; }
        if (MODE == 0u && begin < end) {
            // Sums of distances from the slice's first value, which is near the mean as any other.
            let distance = all.x / count;
            all = vec2f(shift + distance, max(all.y - all.x * distance, 0.0));
        }
        slices[slice * p.channels + c] = all;
    }
}
