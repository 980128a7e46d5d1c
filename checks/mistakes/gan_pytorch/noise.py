"""Known mistakes in the noise of the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

RANGE = "Uniform numbers in [0, 1) are stretched to length 2 and moved."
SEED = "The lines that set the seed were given."

NOISE = mistakes_in(
    "gan_pytorch.sample_noise",
    entry("none", "return 2 * torch.rand(batch_size, dim) - 1", "2 * torch.rand(batch_size, dim) - 1",
          "nothing is returned", "Is there a `return`?", "shapes"),
    entry("numpy", "torch.rand(batch_size, dim)", "torch.rand(batch_size, dim).numpy()",
          "a numpy array is returned", "The networks take torch tensors.", "shapes"),
    entry("transposed", "rand(batch_size, dim)", "rand(dim, batch_size)", "batch_size and dim are swapped",
          "One row per image.", "shapes"),
    entry("positive", "2 * torch.rand(batch_size, dim) - 1", "torch.rand(batch_size, dim)",
          "noise lies in [0, 1)", RANGE, "range"),
    entry("not_moved", "2 * torch.rand(batch_size, dim) - 1", "2 * torch.rand(batch_size, dim)",
          "noise lies in [0, 2)", RANGE, "range"),
    entry("narrow", "2 * torch.rand(batch_size, dim) - 1", "torch.rand(batch_size, dim) - 0.5",
          "noise lies in [-0.5, 0.5)", RANGE, "range"),
    entry("normal", "2 * torch.rand(batch_size, dim) - 1", "torch.randn(batch_size, dim)", "noise is normal",
          RANGE, "range"),
    entry("clipped_normal", "2 * torch.rand(batch_size, dim) - 1", "torch.randn(batch_size, dim).clamp(-1, 1)",
          "noise is normal, cut off at -1 and 1", "Uniform: every number between -1 and 1 is as likely.",
          "distribution"),
    entry("tanh_of_normal", "2 * torch.rand(batch_size, dim) - 1", "torch.tanh(torch.randn(batch_size, dim))",
          "noise is tanh of normal numbers", "Uniform: every number between -1 and 1 is as likely.",
          "distribution"),
    entry("signs", "2 * torch.rand(batch_size, dim) - 1", "2.0 * torch.randint(0, 2, (batch_size, dim)) - 1",
          "noise is -1 or 1", "Uniform: every number between -1 and 1 is as likely.", "distribution"),
    entry("whole_numbers", "2 * torch.rand(batch_size, dim) - 1", "torch.randint(-1, 2, (batch_size, dim))",
          "noise is of whole numbers", "Uniform: every number between -1 and 1 is as likely.", "shapes"),
    entry("one_row", "torch.rand(batch_size, dim)", "torch.rand(1, dim).expand(batch_size, dim)",
          "every image gets the same noise", "How many numbers are drawn?", "distribution"),
    entry("used_twice", "return 2 * torch.rand(batch_size, dim) - 1",
          "half = 2 * torch.rand((batch_size + 1) // 2, dim) - 1\n    return torch.cat([half, -half])[:batch_size]",
          "the second half of the batch mirrors the first", "How many numbers are drawn?", "distribution"),
    entry("one_column", "torch.rand(batch_size, dim)", "torch.rand(batch_size, 1).repeat(1, dim)",
          "all numbers of one image are the same", "How many numbers are drawn?", "distribution"),
    entry("seed_ignored", "    if seed is not None:\n        torch.manual_seed(seed)\n", "",
          "the seed is not set", SEED, "seed"),
    entry("always_seeded", "if seed is not None:\n        torch.manual_seed(seed)",
          "torch.manual_seed(seed or 0)", "every call without a seed gives the same noise", SEED, "seed"),
    entry("one_seed", "torch.manual_seed(seed)", "torch.manual_seed(231)", "every seed counts as 231", SEED,
          "seed"),
)  # fmt: skip

MISTAKES = (*NOISE,)
