// Zeroes elements whose 16 random bits are below the threshold and scales the others. A thread handles the
// eight elements that share a block of Philox4x32-10 (`modiste_spec::random`).
const WEYL: vec2u = vec2u(0x9E3779B9u, 0xBB67AE85u);

/// The upper half of a product of 64 bits.
fn high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xFFFFu;
    let a1 = a >> 16u;
    let b0 = b & 0xFFFFu;
    let b1 = b >> 16u;
    let middle = a1 * b0 + ((a0 * b0) >> 16u);
    let other = a0 * b1 + (middle & 0xFFFFu);
    return a1 * b1 + (middle >> 16u) + (other >> 16u);
}

fn philox(start: vec4u, seed: vec2u) -> vec4u {
    var n = start;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let a = vec2u(high(0xD2511F53u, n.x), 0xD2511F53u * n.x);
        let b = vec2u(high(0xCD9E8D57u, n.z), 0xCD9E8D57u * n.z);
        n = vec4u(b.x ^ n.y ^ key.x, b.y, a.x ^ n.w ^ key.y, a.y);
        key += WEYL;
    }
    return n;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let block = thread_of(group, groups, local);
    let values = step.images * p.values;
    if (8u * block >= values) { return; }
    let counter = vec4u(block, p.stream, step.time_low, step.time_high);
    let words = philox(counter, vec2u(step.seed_low, step.seed_high));
    for (var j = 0u; j < 8u; j++) {
        let i = 8u * block + j;
        if (i < values) {
            let bits = (words[j / 2u] >> (16u * (j & 1u))) & 0xFFFFu;
            let kept = x_at(i / p.x_channels, i % p.x_channels) * p.factor;
            y_put(i / p.y_channels, i % p.y_channels, select(0.0, kept, bits >= p.threshold));
        }
    }
}
