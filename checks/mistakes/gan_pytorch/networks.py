"""Known mistakes in the fully connected networks of the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

LAYERS = "Go through the layers of the docstring one by one."
SLOPE = "The slope of LeakyReLU for negative inputs stands in the docstring."
LAST = "What range does the docstring give for the result?"
GRAPH = "Every step from the input to the result must be one that autograd can follow."
FLOATS = "What type do the scores have, and what does it become?"
SEED = "The lines that set the seed were given."

DISCRIMINATOR = mistakes_in(
    "gan_pytorch.discriminator",
    entry("none", "return nn.Sequential(", "nn.Sequential(", "nothing is returned", "Is there a `return`?",
          "shapes"),
    entry("flat_only", "        Flatten(),\n", "", "images are not flattened",
          "Images have shape (N, 1, 28, 28).", "shapes"),
    entry("scores_flat", "nn.Linear(256, 1),", "nn.Linear(256, 1), nn.Flatten(0),", "scores have shape (N,)",
          "Scores have shape (N, 1).", "shapes"),
    entry("two_scores", "nn.Linear(256, 1)", "nn.Linear(256, 2)", "there are two scores per image",
          "One score says how real an image looks.", "shapes"),
    entry("narrow", "nn.Linear(784, 256),\n        nn.LeakyReLU(0.01),\n        nn.Linear(256, 256)",
          "nn.Linear(784, 128),\n        nn.LeakyReLU(0.01),\n        nn.Linear(128, 256)",
          "the first hidden layer has 128 units", LAYERS, "parameters"),
    entry("layer_missing", "nn.Linear(256, 256),\n        nn.LeakyReLU(0.01),\n", "",
          "the second hidden layer is missing", LAYERS, "parameters"),
    entry("layer_too_many", "nn.Linear(256, 1)", "nn.Linear(256, 256), nn.LeakyReLU(0.01), nn.Linear(256, 1)",
          "there is a third hidden layer", LAYERS, "parameters"),
    entry("no_bias", "nn.Linear(784, 256)", "nn.Linear(784, 256, bias=False)", "the first layer has no bias",
          LAYERS, "parameters"),
    entry("batch_norm", "nn.Linear(784, 256)", "nn.Linear(784, 256), nn.BatchNorm1d(256)",
          "batch norm is added", LAYERS, "parameters"),
    entry("prelu", "nn.Linear(784, 256),\n        nn.LeakyReLU(0.01)",
          "nn.Linear(784, 256),\n        nn.PReLU(init=0.01)", "the slope is learnt", SLOPE, "parameters"),
    entry("relu", "nn.Linear(784, 256),\n        nn.LeakyReLU(0.01)", "nn.Linear(784, 256),\n        nn.ReLU()",
          "ReLU stands for LeakyReLU", SLOPE, "activations", "values"),
    entry("slope_first", "nn.Linear(784, 256),\n        nn.LeakyReLU(0.01)",
          "nn.Linear(784, 256),\n        nn.LeakyReLU(0.1)", "the first slope is 0.1", SLOPE, "activations",
          "values"),
    entry("slope_second", "nn.Linear(256, 256),\n        nn.LeakyReLU(0.01)",
          "nn.Linear(256, 256),\n        nn.LeakyReLU(0.2)", "the second slope is 0.2", SLOPE, "activations",
          "values"),
    entry("activation_missing", "nn.Linear(256, 256),\n        nn.LeakyReLU(0.01),", "nn.Linear(256, 256),",
          "nothing follows the second layer", LAYERS, "activations", "values"),
    entry("sigmoid", "nn.Linear(256, 1),", "nn.Linear(256, 1), nn.Sigmoid(),", "scores pass through a sigmoid",
          "The losses take logits.", "values"),
    entry("dropout", "nn.Linear(784, 256)", "nn.Linear(784, 256), nn.Dropout(0.5)", "dropout is added", LAYERS,
          "values"),
    entry("upside_down", "Flatten(),",
          "type('F', (Flatten,), {'forward': lambda s, x: Flatten.forward(s, x.flip(2))})(),",
          "images are turned upside down", LAYERS, "values"),
    entry("graph_cut", "Flatten(),",
          "type('F', (Flatten,), {'forward': lambda s, x: Flatten.forward(s, x.detach())})(),",
          "the graph is cut at the images, so that the generator learns nothing", GRAPH, "gradients"),
    entry("float32", "Flatten(),",
          "type('F', (Flatten,), {'forward': lambda s, x: Flatten.forward(s, x.float().to(x))})(),",
          "images are rounded to float32", FLOATS, "precision"),
    entry("always_seeded", "    if seed is not None:\n        torch.manual_seed(seed)",
          "    torch.manual_seed(seed or 0)", "every discriminator begins with the same parameters", SEED,
          "new_model"),
    entry("frozen", "nn.Linear(256, 256)", "nn.Linear(256, 256).requires_grad_(False)",
          "the second layer is not trained", GRAPH, "gradients"),
)  # fmt: skip

GENERATOR = mistakes_in(
    "gan_pytorch.generator",
    entry("noise_96", "nn.Linear(noise_dim, 1024)", "nn.Linear(96, 1024)", "noise_dim is ignored",
          "What is noise_dim for?", "shapes"),
    entry("images", "nn.Tanh(),", "nn.Tanh(), Unflatten(-1, 1, 28, 28),", "images have shape (N, 1, 28, 28)",
          "The result is flat.", "shapes"),
    entry("no_tanh", "        nn.Tanh(),\n", "", "tanh is missing", LAST, "activations", "values"),
    entry("sigmoid", "nn.Tanh()", "nn.Sigmoid()", "a sigmoid stands for tanh", LAST, "activations", "values"),
    entry("cut_off", "nn.Tanh()", "nn.Hardtanh()", "the result is cut off instead of passed through tanh", LAST,
          "activations", "values"),
    entry("leaky", "nn.Linear(noise_dim, 1024),\n        nn.ReLU()",
          "nn.Linear(noise_dim, 1024),\n        nn.LeakyReLU(0.01)", "the first activation is LeakyReLU",
          LAYERS, "activations", "values"),
    entry("relu_missing", "nn.Linear(1024, 1024),\n        nn.ReLU(),", "nn.Linear(1024, 1024),",
          "nothing follows the second layer", LAYERS, "activations", "values"),
    entry("relu_before_tanh", "nn.Tanh()", "nn.ReLU(), nn.Tanh()", "ReLU comes before tanh", LAST,
          "activations", "values"),
    entry("narrow", "nn.Linear(1024, 1024),\n        nn.ReLU(),\n        nn.Linear(1024, 784)",
          "nn.Linear(1024, 512),\n        nn.ReLU(),\n        nn.Linear(512, 784)",
          "the second layer has 512 units", LAYERS, "parameters"),
    entry("dropout", "nn.Linear(1024, 1024)", "nn.Linear(1024, 1024), nn.Dropout(0.3)", "dropout is added",
          LAYERS, "values"),
    entry("float32", "nn.Linear(noise_dim, 1024),",
          "type('F', (nn.Linear,), {'forward': lambda s, x: nn.Linear.forward(s, x).float()})(noise_dim, 1024),",
          "the first layer's result is cut to float32", "Which step makes float32 of float64?", "precision"),
    entry("frozen", "nn.Linear(1024, 1024)", "nn.Linear(1024, 1024).requires_grad_(False)",
          "the second layer is not trained", GRAPH, "gradients"),
    entry("default", "nn.Linear(noise_dim, 1024)",
          "nn.Linear(100 if noise_dim == NOISE_DIM else noise_dim, 1024)", "the default is 100",
          "NOISE_DIM is 96.", "noise_dim"),
)  # fmt: skip

MISTAKES = (*DISCRIMINATOR, *GENERATOR)
