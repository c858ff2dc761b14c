// SGD, and the momentum of Muon: the steps of its matrices go to `matrices`, to be made orthogonal.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    let owner = blocks[i / 64u];
    let rate = rates[owner & 0xFFFFFFu];
    if ((owner & TRAINED) == 0u || rate.w == 0.0) { return; }
    let g = gradients[i] + rate.z * parameters[i];
    let v = step.beta1 * momentum[i] + g;
    let move_by = select(v, g + step.beta1 * v, step.nesterov == 1u);
    momentum[i] = v;
    if (MUON == 1u && (owner & MATRIX) != 0u) {
        keep_matrix(i, move_by);
    } else {
        parameters[i] = parameters[i] * rate.y - rate.x * move_by;
    }
}
