// Cross-entropy of each image, whether its largest logit is the right one, and the gradient by the logits.
// `masses` (n, classes) are the weights of -log p, divided by those of the batch.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let image = group.x * 64u + t;
    if (image >= step.images) { return; }
    var best = x_at(image, 0u);
    var winner = 0u;
    for (var c = 1u; c < p.x_channels; c++) {
        let z = x_at(image, c);
        if (z > best) {
            best = z;
            winner = c;
        }
    }
    var sum = 0.0;
    for (var c = 0u; c < p.x_channels; c++) { sum += exp(x_at(image, c) - best); }
    let total = log(sum);
    var loss = 0.0;
    var all = 0.0;
    for (var c = 0u; c < p.x_channels; c++) {
        let mass = masses[image * p.x_channels + c];
        loss += mass * (total - (x_at(image, c) - best));
        all += mass;
    }
    for (var c = 0u; c < p.x_channels; c++) {
        let share = exp(x_at(image, c) - best - total);
        dx_put(image, c, share * all - masses[image * p.x_channels + c]);
    }
    losses[image] = vec2f(loss, select(0.0, 1.0, winner == answers[image]));
}
