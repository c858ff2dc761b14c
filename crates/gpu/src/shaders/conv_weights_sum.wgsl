// Adds up the slices (slices, taps, c, k) of a filter's gradient, in order; writes it as (k, c, taps).
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    var sum = 0.0;
    for (var slice = 0u; slice < p.slices; slice++) { sum += slices[slice * p.values + i]; }
    let k = i % p.outer;
    let c = i / p.outer % p.inner;
    let tap = i / p.outer / p.inner;
    gradients[p.first + (k * p.inner + c) * p.taps + tap] = sum;
}
