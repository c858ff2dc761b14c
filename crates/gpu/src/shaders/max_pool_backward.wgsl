// Each value of the input collects the gradients of the windows whose maximum it is.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let at = i / p.dx_channels;
    let c = i % p.dx_channels;
    let pixels = p.x_height * p.x_width;
    if (at >= step.images * pixels) { return; }
    let image = at / pixels;
    let row = at % pixels / p.x_width + p.padding;
    let column = at % p.x_width + p.padding;
    // Windows from the first that reaches this pixel to the last that begins at it.
    let first_row = select((row - p.kernel_height) / p.stride + 1u, 0u, row < p.kernel_height);
    let first_column = select((column - p.kernel_width) / p.stride + 1u, 0u, column < p.kernel_width);
    var sum = 0.0;
    for (var y = first_row; y < p.height && y * p.stride <= row; y++) {
        for (var x = first_column; x < p.width && x * p.stride <= column; x++) {
            let source = (image * p.height + y) * p.width + x;
            let place = (row - y * p.stride) * p.kernel_width + column - x * p.stride;
            if (places[source * p.dx_channels + c] == place) { sum += dy_at(source, c); }
        }
    }
    dx_put(at, c, sum);
}
