@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    let owner = blocks[i / 64u];
    let rate = rates[owner & 0xFFFFFFu];
    if ((owner & TRAINED) == 0u || rate.w == 0.0) { return; }
    let g = gradients[i];
    let m = step.beta1 * first[i] + step.rest1 * g;
    let v = step.beta2 * second[i] + step.rest2 * g * g;
    let move_by = (m / step.correction1) / (sqrt(v / step.correction2) + step.epsilon);
    parameters[i] = parameters[i] * rate.y - rate.x * move_by;
    first[i] = m;
    second[i] = v;
}
