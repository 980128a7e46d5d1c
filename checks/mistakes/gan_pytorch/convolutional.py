"""Known mistakes in the convolutional networks of the GAN part."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

LAYERS = "Go through the layers of the docstring one by one."
SLOPE = "The slope of LeakyReLU for negative inputs stands in the docstring."
LAST = "What range does the docstring give for the result?"
GRAPH = "Every step from the input to the result must be one that autograd can follow."
FLOATS = "What type do the scores have, and what does it become?"
ORDER = "In which order do the docstring's layers come?"
FORM = "Which kernel, stride and padding does the docstring give?"

CLASSIFIER = mistakes_in(
    "gan_pytorch.build_dc_classifier",
    entry("none", "return nn.Sequential(", "nn.Sequential(", "nothing is returned", "Is there a `return`?",
          "shapes"),
    entry("batch_128", "nn.Conv2d(1, 32,", "Unflatten(128, 1, 28, 28), nn.Conv2d(1, 32,",
          "batch_size is taken to be 128", "What is batch_size for?", "shapes"),
    entry("padding", "nn.Conv2d(1, 32, kernel_size=5, stride=1)",
          "nn.Conv2d(1, 32, kernel_size=5, stride=1, padding=2)", "the first convolution is padded", FORM,
          "shapes"),
    entry("kernel", "nn.Conv2d(32, 64, kernel_size=5, stride=1)", "nn.Conv2d(32, 64, kernel_size=3, stride=1)",
          "the second kernel is 3x3", FORM, "shapes"),
    entry("kernel_same_size", "nn.Conv2d(32, 64, kernel_size=5, stride=1)",
          "nn.Conv2d(32, 64, kernel_size=3, stride=1), nn.MaxPool2d(3, 1)",
          "a 3x3 kernel and another pool stand for 5x5", FORM, "parameters"),
    entry("strided", "nn.Conv2d(1, 32, kernel_size=5, stride=1),", "nn.Conv2d(1, 32, kernel_size=5, stride=2),",
          "the first convolution has stride 2", FORM, "shapes"),
    entry("strided_no_pool",
          "nn.Conv2d(1, 32, kernel_size=5, stride=1),  # (N, 32, 24, 24)\n        nn.LeakyReLU(0.01),\n"
          "        nn.MaxPool2d(kernel_size=2, stride=2),",
          "nn.Conv2d(1, 32, kernel_size=5, stride=2),\n        nn.LeakyReLU(0.01),",
          "a stride of 2 stands for the first pool", FORM, "values"),
    entry("average", "nn.LeakyReLU(0.01),\n        nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 12, 12)",
          "nn.LeakyReLU(0.01),\n        nn.AvgPool2d(kernel_size=2, stride=2),", "the first pool takes means",
          LAYERS, "values"),
    entry("overlapping_pool", "nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 12, 12)", "nn.MaxPool2d(3, 2, 1),",
          "the first pool is 3x3", LAYERS, "values"),
    entry("fewer_filters",
          "nn.Conv2d(1, 32, kernel_size=5, stride=1),  # (N, 32, 24, 24)\n        nn.LeakyReLU(0.01),\n"
          "        nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 12, 12)\n        nn.Conv2d(32, 64,",
          "nn.Conv2d(1, 16, kernel_size=5, stride=1),\n        nn.LeakyReLU(0.01),\n"
          "        nn.MaxPool2d(kernel_size=2, stride=2),\n        nn.Conv2d(16, 64,",
          "the first convolution has 16 filters", LAYERS, "parameters"),
    entry("relu_conv", "(N, 32, 24, 24)\n        nn.LeakyReLU(0.01)", "\n        nn.ReLU()",
          "ReLU follows the first convolution", SLOPE, "activations", "values"),
    entry("slope_conv", "(N, 64, 8, 8)\n        nn.LeakyReLU(0.01)", "\n        nn.LeakyReLU(0.2)",
          "the slope after the second convolution is 0.2", SLOPE, "activations", "values"),
    entry("linear_activation", "4 * 4 * 64),\n        nn.LeakyReLU(0.01),", "4 * 4 * 64),",
          "nothing follows the first linear layer", LAYERS, "activations", "values"),
    entry("narrow",
          "nn.Linear(4 * 4 * 64, 4 * 4 * 64),\n        nn.LeakyReLU(0.01),\n        nn.Linear(4 * 4 * 64, 1)",
          "nn.Linear(4 * 4 * 64, 512),\n        nn.LeakyReLU(0.01),\n        nn.Linear(512, 1)",
          "the hidden linear layer has 512 units", LAYERS, "parameters"),
    entry("batch_norm", "nn.Conv2d(32, 64, kernel_size=5, stride=1)",
          "nn.Conv2d(32, 64, kernel_size=5, stride=1), nn.BatchNorm2d(64)", "batch norm is added", LAYERS,
          "parameters"),
    entry("sigmoid", "nn.Linear(4 * 4 * 64, 1)", "nn.Linear(4 * 4 * 64, 1), nn.Sigmoid()",
          "scores pass through a sigmoid", "The losses take logits.", "values"),
    entry("frozen", "nn.Conv2d(32, 64, kernel_size=5, stride=1)",
          "nn.Conv2d(32, 64, kernel_size=5, stride=1).requires_grad_(False)",
          "the second convolution is not trained", GRAPH, "gradients"),
    entry("float32", "Flatten(),",
          "type('F', (Flatten,), {'forward': lambda s, x: Flatten.forward(s, x.float().to(x))})(),",
          "features are rounded to float32", FLOATS, "precision"),
)  # fmt: skip

DC_GENERATOR = mistakes_in(
    "gan_pytorch.build_dc_generator",
    entry("noise_96", "nn.Linear(noise_dim, 1024)", "nn.Linear(96, 1024)", "noise_dim is ignored",
          "What is noise_dim for?", "shapes"),
    entry("not_flat", "Flatten(),  # (N, 784)", "", "images are not flattened", "The result is flat.", "shapes"),
    entry("batch_128", "Unflatten(-1,", "Unflatten(128,", "a batch of 128 is assumed",
          "Noise comes in any number.", "shapes"),
    entry("padding", "nn.ConvTranspose2d(128, 64, kernel_size=4, stride=2, padding=1)",
          "nn.ConvTranspose2d(128, 64, kernel_size=4, stride=2)",
          "the first transposed convolution has no padding", FORM, "shapes"),
    entry("kernel", "nn.ConvTranspose2d(64, 1, kernel_size=4, stride=2, padding=1)",
          "nn.ConvTranspose2d(64, 1, kernel_size=2, stride=2)", "the last kernel is 2x2", FORM, "parameters"),
    entry("no_norm", "nn.BatchNorm1d(1024),", "", "the first batch norm is missing", LAYERS, "parameters"),
    entry("no_norm_images", "nn.BatchNorm2d(64),", "", "the last batch norm is missing", LAYERS, "parameters"),
    entry("norm_first", "nn.ReLU(),\n        nn.BatchNorm1d(1024),",
          "nn.BatchNorm1d(1024),\n        nn.ReLU(),", "the first batch norm comes before ReLU", ORDER,
          "activations", "values"),
    entry("norm_first_images", "nn.ReLU(),\n        nn.BatchNorm2d(64),",
          "nn.BatchNorm2d(64),\n        nn.ReLU(),", "the last batch norm comes before ReLU", ORDER,
          "activations", "values"),
    entry("leaky", "nn.ReLU(),\n        nn.BatchNorm1d(7 * 7 * 128)",
          "nn.LeakyReLU(0.01),\n        nn.BatchNorm1d(7 * 7 * 128)", "the second activation is LeakyReLU",
          LAYERS, "activations", "values"),
    entry("relu_missing", "nn.ReLU(),\n        nn.BatchNorm2d(64)", "nn.BatchNorm2d(64)",
          "nothing follows the first transposed convolution", LAYERS, "activations", "values"),
    entry("no_tanh", "        nn.Tanh(),\n", "", "tanh is missing", LAST, "activations", "values"),
    entry("sigmoid", "nn.Tanh()", "nn.Sigmoid()", "a sigmoid stands for tanh", LAST, "activations", "values"),
    entry("norm_without_statistics", "nn.BatchNorm1d(1024)", "nn.BatchNorm1d(1024, track_running_stats=False)",
          "batch norm keeps no statistics for evaluation", "What does batch norm use in evaluation mode?",
          "values"),
    entry("norm_momentum", "nn.BatchNorm2d(64)", "nn.BatchNorm2d(64, momentum=0.9)",
          "the momentum of batch norm is changed", "Batch norm is used with its defaults.", "values"),
    entry("reshaped_channels_last", "Unflatten(-1, 128, 7, 7),",
          "nn.Unflatten(1, (7, 7, 128)), type('P', (nn.Module,), {'forward': lambda s, x: x.permute(0, "
          "3, 1, 2)})(),", "channels come last", FORM, "values"),
    entry("evaluating", "Flatten(),  # (N, 784)\n    )", "Flatten(),  # (N, 784)\n    ).eval()",
          "the model, or a part of it, comes in evaluation mode", "Who calls `.train()` before training?", "gradients"),
    entry("norm_evaluating", "nn.BatchNorm2d(64)", "nn.BatchNorm2d(64).eval()",
          "the last batch norm comes in evaluation mode", "Who calls `.train()` before training?", "gradients"),
    entry("float32", "nn.Tanh(),", "type('F', (nn.Tanh,), {'forward': lambda s, x: x.tanh().float()})(),",
          "images are cut to float32", "Which step makes float32 of float64?", "precision"),
    entry("frozen", "nn.BatchNorm2d(64)", "nn.BatchNorm2d(64).requires_grad_(False)",
          "the last batch norm is not trained", GRAPH, "gradients"),
)  # fmt: skip

MISTAKES = (*CLASSIFIER, *DC_GENERATOR)
