// Maximum of windows, and for each the place of its first largest value within the window.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let at = i / p.y_channels;
    let c = i % p.y_channels;
    if (at >= step.images * p.rows) { return; }
    let image = at / p.rows;
    let pixel = at % p.rows;
    let top = i32(pixel / p.width * p.stride) - i32(p.padding);
    let left = i32(pixel % p.width * p.stride) - i32(p.padding);
    var best = 0.0;
    var place = 0xFFFFFFFFu;
    for (var down = 0u; down < p.kernel_height; down++) {
        for (var right = 0u; right < p.kernel_width; right++) {
            let row = top + i32(down);
            let column = left + i32(right);
            if (row >= 0 && column >= 0 && row < i32(p.x_height) && column < i32(p.x_width)) {
                let v = x_at((image * p.x_height + u32(row)) * p.x_width + u32(column), c);
                if (place == 0xFFFFFFFFu || v > best) {
                    best = v;
                    place = down * p.kernel_width + right;
                }
            }
        }
    }
    y_put(at, c, best);
    places[i] = place;
}
