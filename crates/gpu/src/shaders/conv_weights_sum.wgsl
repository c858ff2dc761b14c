// Adds up the slices (slices, taps, c, k) of a filter's gradient, in order; writes it as (k, c, taps). Eight
// slices are read before they are added, so that reading is not waited for each time.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    var sum = 0.0;
    for (var slice = 0u; slice < p.slices; slice += 8u) {
#for j 8
        let v{j} = select(0.0, slices[min(slice + {j}u, p.slices - 1u) * p.values + i], slice + {j}u < p.slices);
#end
#for j 8
        sum += v{j};
#end
    }
    let k = i % p.outer;
    let c = i / p.outer % p.inner;
    let tap = i / p.outer / p.inner;
    gradients[p.first + (k * p.inner + c) * p.taps + tap] = sum;
}
