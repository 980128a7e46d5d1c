"""Known mistakes in the optimiser, and in what was handed out complete of the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

ADAM = "The docstring names the optimiser and its settings."
WHOLE = "All of the model's parameters are trained."
GIVEN = "This was handed out complete."

OPTIMIZER = mistakes_in(
    "gan_pytorch.get_optimizer",
    entry("none", "return torch.optim", "torch.optim", "nothing is returned", "Is there a `return`?",
          "settings"),
    entry("rate", "lr=1e-3", "lr=1e-4", "the learning rate is 1e-4", ADAM, "settings"),
    entry("default_betas", ", betas=(0.5, 0.999)", "", "beta1 is 0.9", ADAM, "settings"),
    entry("betas_swapped", "(0.5, 0.999)", "(0.999, 0.5)", "the betas are swapped", ADAM, "settings"),
    entry("beta2", "0.999", "0.99", "beta2 is 0.99", ADAM, "settings"),
    entry("sgd", "Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999))", "SGD(model.parameters(), lr=1e-3)",
          "plain gradient descent stands for Adam", ADAM, "settings"),
    entry("last_layers", "model.parameters()", "model[1:].parameters()", "the first layer is not trained",
          WHOLE, "settings"),
    entry("weights_only", "model.parameters()", "[p for p in model.parameters() if p.dim() > 1]",
          "biases are not trained", WHOLE, "settings"),
    entry("decay", "betas=(0.5, 0.999)", "betas=(0.5, 0.999), weight_decay=0.01", "weights decay", ADAM,
          "updates"),
    entry("adamw", "torch.optim.Adam", "torch.optim.AdamW", "AdamW's weights decay", ADAM, "updates"),
    entry("nadam", "torch.optim.Adam", "torch.optim.NAdam", "NAdam stands for Adam", ADAM, "updates"),
    entry("adamax", "torch.optim.Adam", "torch.optim.Adamax", "Adamax stands for Adam", ADAM, "updates"),
    entry("amsgrad", "betas=(0.5, 0.999)", "betas=(0.5, 0.999), amsgrad=True",
          "the greatest second moment is kept, as AMSGrad does", ADAM, "updates"),
    entry("epsilon", "betas=(0.5, 0.999)", "betas=(0.5, 0.999), eps=1e-6", "epsilon is 1e-6", ADAM, "updates"),
    entry("decoupled", "torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999))",
          "torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.5, 0.999), weight_decay=1e-3)",
          "AdamW's weights decay a little", ADAM, "updates"),
    entry("maximize", "betas=(0.5, 0.999)", "betas=(0.5, 0.999), maximize=True", "the loss is maximised", ADAM,
          "updates"),
)  # fmt: skip

HANDED_OUT = (
    *mistakes_in("gan_pytorch.bce_loss",
        entry("sum", "nn.BCEWithLogitsLoss()", "nn.BCEWithLogitsLoss(reduction='sum')", "it sums", GIVEN, "values")),
    *mistakes_in("gan_pytorch.Flatten.forward",
        entry("transposed", "x.reshape(N, -1)", "x.transpose(2, 3).reshape(N, -1)", "it transposes", GIVEN,
              "gan_pytorch.Flatten.values")),
    *mistakes_in("gan_pytorch.Unflatten.forward",
        entry("swapped", "self.C, self.H, self.W", "self.H, self.W, self.C", "it puts channels last", GIVEN,
              "gan_pytorch.Unflatten.values")),
    *mistakes_in("gan_pytorch.ChunkSampler.__iter__",
        entry("short", "self.start + self.num_samples", "self.num_samples", "it ends at num_samples", GIVEN,
              "gan_pytorch.ChunkSampler.values")),
    *mistakes_in("gan_pytorch.preprocess_img",
        entry("positive", "2 * (x - 0.5)", "x - 0.5", "it does not stretch", GIVEN, "values")),
    *mistakes_in("gan_pytorch.deprocess_img",
        entry("not_halved", "(x + 1.0) / 2.0", "x + 1.0", "it does not halve", GIVEN, "values")),
    *mistakes_in("gan_pytorch.initialize_weights",
        entry("everything", "(nn.Linear, nn.ConvTranspose2d)", "(nn.Linear, nn.ConvTranspose2d, nn.Conv2d)",
              "it concerns convolutions too", GIVEN, "values"),
        entry("normal", "xavier_uniform_", "xavier_normal_", "it draws normal weights", GIVEN, "values")),
    *mistakes_in("gan_pytorch.run_a_gan",
        entry("generator_stays", "            G_solver.step()\n", "", "the generator is never trained", GIVEN,
              "values"),
        entry("short_batches", "if len(real) != batch_size:", "if False:", "short batches are used", GIVEN,
              "values")),
)  # fmt: skip

MISTAKES = (*OPTIMIZER, *HANDED_OUT)
