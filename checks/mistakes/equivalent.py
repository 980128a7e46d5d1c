"""Variations that look like mistakes and change no result that means anything: no check may fail for them.

In the place of the hint stands the reason.
"""

from __future__ import annotations

from checks.mistakes.declare import Mistake, entry, mistakes_in

SINGLE = "The assignment works in float32, so rounding float64 to it is worth a word but no point."

EQUIVALENT: tuple[Mistake, ...] = (
    *mistakes_in(
        "rnn.CaptioningRNN.sample",
        entry("words_after_end", "captions[~ended, t] = word[~ended]", "captions[:, t] = word",
              "captions go on after <END>", "What follows <END> has no meaning; decoding stops there."),
    ),
    *mistakes_in(
        "rnn_layers.rnn_step_backward",
        entry("slope_in_two_factors", "(1 - next_h**2)", "(1 - next_h) * (1 + next_h)",
              "the derivative of tanh has no square", "(1 - y)(1 + y) is 1 - y^2."),
    ),
    *mistakes_in(
        "transformer_layers.MultiHeadAttention.forward",
        entry("key_without_bias", "self.key(key)", "(self.key(key) - self.key.bias)", "the key's bias is not added",
              "It adds the same number to all scores of a query, and softmax takes that out again."),
    ),
    *mistakes_in(
        "transformer_layers.MultiHeadAttention.forward",
        entry("float32", "F.softmax(scores, dim=-1)", "F.softmax(scores, dim=-1, dtype=torch.float32).to(v.dtype)",
              "weights are cut to float32", SINGLE),
    ),
    *mistakes_in(
        "transformer.CaptioningTransformer.forward",
        entry("image_repeated", "self.visual_projection(features).unsqueeze(1)", "self.visual_projection(features).unsqueeze(1).repeat(1, T, 1)",
              "the image is there once per word", "An average over equal values is that value, whatever its weights."),
    ),
    *mistakes_in(
        "gan_pytorch.build_dc_classifier",
        entry("pool_before_activation", "nn.LeakyReLU(0.01),\n        nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 12, 12)",
              "nn.MaxPool2d(kernel_size=2, stride=2),\n        nn.LeakyReLU(0.01),", "the first pooling comes before its activation",
              "LeakyReLU rises everywhere, so the greatest number stays the greatest."),
    ),
    *mistakes_in(
        "gan_pytorch.generator",
        entry("noise_flattened", "nn.Linear(noise_dim, 1024),", "nn.Flatten(), nn.Linear(noise_dim, 1024),",
              "there is one layer more than asked for", "Noise is flat already."),
    ),
    *mistakes_in(
        "contrastive_loss.sim",
        entry("float32", "z_i.flatten(), z_j.flatten()", "z_i.flatten().float(), z_j.flatten().float()",
              "it computes in float32", SINGLE),
    ),
    *mistakes_in(
        "contrastive_loss.simclr_loss_naive",
        entry("float32_sum", "total = 0.0", "total = torch.zeros(1)", "the sum is float32", SINGLE),
    ),
    *mistakes_in(
        "contrastive_loss.simclr_loss_vectorized",
        entry("diagonal_subtracted", "torch.logsumexp(exponents, dim=1).mean()",
              "(torch.log(torch.exp(everyone / tau).sum(1) - np.exp(1 / tau)) - partner.squeeze(1) / tau).mean()",
              "the diagonal is subtracted from the sum", "exp(1 / tau) is what the diagonal adds."),
        entry("sides_swapped", "compute_sim_matrix(out)", "compute_sim_matrix(torch.cat([out_right, out_left]))",
              "right vectors stand above left ones",
              "Every row meets the same others, and the partner of a pair has the same similarity seen from either side."),
    ),
    *mistakes_in(
        "simclr_data.compute_train_transform",
        entry("flip_last",
              "transforms.RandomHorizontalFlip(p=0.5),\n        transforms.RandomApply([color_jitter], p=0.8),\n        transforms.RandomGrayscale(p=0.2),",
              "transforms.RandomApply([color_jitter], p=0.8),\n        transforms.RandomGrayscale(p=0.2),\n        transforms.RandomHorizontalFlip(p=0.5),",
              "flips come after the colours", "Colours change pixel by pixel and a flip moves pixels: in either order the views are as likely."),
    ),
    *mistakes_in(
        "simclr_data.CIFAR10Pair.__getitem__",
        entry("second_view_first", "x_i = self.transform(img)\n            x_j = self.transform(img)",
              "x_j = self.transform(img)\n            x_i = self.transform(img)", "the second view is drawn before the first",
              "Both are draws of the same transform."),
    ),
)  # fmt: skip
