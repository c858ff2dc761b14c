// Sums over pixels, by channel, in slices: a workgroup takes 32 channels and a slice of the pixels, a thread four
// channels. Writes for each slice and channel a pair, which depends on MODE:
// 0: mean and sum of squared distances from it, of x; 1: sums of dy and of dy x normalised x; 2: sum of dy.
var<workgroup> sums: array<vec4f, 256>;
var<workgroup> squares: array<vec4f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let slice = group.x;
    let c = group.z * 32u + 4u * (t % 8u);
    let pixels = step.images * p.rows;
    let share = (pixels + p.slices - 1u) / p.slices;
    let begin = min(slice * share, pixels);
    let end = min(begin + share, pixels);
    var shift = vec4f(0.0);
    var sum = Pair(vec4f(0.0), vec4f(0.0));
    if (c < p.channels && begin < end) {
        let n = values_norm4(c);
        if (MODE == 0u) { shift = values_load4(begin, c, n); }
        for (var pixel = begin + t / 8u; pixel < end; pixel += 64u) {
            let one = pair(pixel, c, shift, n);
            var other = Pair(vec4f(0.0), vec4f(0.0));
            if (pixel + 32u < end) { other = pair(pixel + 32u, c, shift, n); }
            sum.sum += one.sum + other.sum;
            sum.square += one.square + other.square;
        }
    }
    sums[t] = sum.sum;
    squares[t] = sum.square;
    workgroupBarrier();
    for (var half = p.half; half >= 8u; half /= 2u) {
        if (t < half) {
            sums[t] += sums[t + half];
            squares[t] += squares[t + half];
        }
        workgroupBarrier();
    }
    if (t >= 8u) { return; }
    sum = Pair(sums[t], squares[t]);
    if (MODE == 0u && begin < end) {
        // Sums of distances from the slice's first value, which is as near to the mean as any other.
        let distance = sum.sum / f32(end - begin);
        sum = Pair(shift + distance, max(sum.square - sum.sum * distance, vec4f(0.0)));
    }
    for (var i = 0u; i < 4u; i++) {
        if (c + i < p.channels) { slices[slice * p.channels + c + i] = vec2f(sum.sum[i], sum.square[i]); }
    }
}
