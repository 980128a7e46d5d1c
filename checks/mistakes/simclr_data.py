"""Known mistakes in SimCLR's augmentation and in its pairs."""

from __future__ import annotations

from checks.mistakes.declare import entry, mistakes_in

FLIP = "transforms.RandomHorizontalFlip(p=0.5),"
JITTER = "transforms.RandomApply([color_jitter], p=0.8),"
GREY = "transforms.RandomGrayscale(p=0.2),"
NORMALIZE = "transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD),"
STRENGTH = "transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)"
STEPS = "The docstring lists the steps in order."
OFTEN = "Every step has a probability: which one, and is it given to that step?"
APART = "Each step is drawn for by itself, whatever became of the steps before it."
SEED = "A seed is set once, when the transform is made: what draws after it goes on from there."
STRONG = "Compare the four strengths with the assignment's."
STATISTICS = "Compare means and deviations with those of CIFAR-10, channel by channel."
VIEWS = "Two views of one image: how often is the transform called, and on what?"

TRANSFORM = mistakes_in(
    "simclr_data.compute_train_transform",
    entry("no_flip", FLIP, "", "nothing is flipped", STEPS, "flip"),
    entry("always_flipped", "p=0.5", "p=1.0", "every view is flipped", OFTEN, "flip"),
    entry("flipped_rarely", "p=0.5", "p=0.2", "the flip's probability is 0.2", OFTEN, "flip"),
    entry("flipped_vertically", "RandomHorizontalFlip", "RandomVerticalFlip", "up and down are exchanged", STEPS,
          "flip"),
    entry("no_jitter", JITTER, "", "the colours are not jittered", STEPS, "jitter"),
    entry("always_jittered", JITTER, "color_jitter,", "every view is jittered", OFTEN, "jitter"),
    entry("jittered_by_default", "[color_jitter], p=0.8", "[color_jitter]", "the jitter's probability is 0.5", OFTEN,
          "jitter"),
    entry("jittered_rarely", "p=0.8", "p=0.2", "the jitter's probability is 0.2", OFTEN, "jitter"),
    entry("probabilities_exchanged", "p=0.8),\n        transforms.RandomGrayscale(p=0.2)",
          "p=0.2),\n        transforms.RandomGrayscale(p=0.8)", "jitter and grey have each other's probability", OFTEN,
          "jitter", "grey"),
    entry("no_grey", GREY, "", "nothing turns grey", STEPS, "grey"),
    entry("grey_before_jitter", "transforms.RandomApply([color_jitter], p=0.8),\n        transforms.RandomGrayscale(p=0.2),",
          "transforms.RandomGrayscale(p=0.2),\n        transforms.RandomApply([color_jitter], p=0.8),",
          "the colours are taken away before they are jittered", "The steps have an order.", "strength"),
    entry("grey_by_default", "RandomGrayscale(p=0.2)", "RandomGrayscale()", "the probability of grey is 0.1", OFTEN,
          "grey"),
    entry("always_grey", "RandomGrayscale(p=0.2)", "Grayscale(3)", "every view is grey", OFTEN, "grey"),
    entry("grey_half_the_time", "RandomGrayscale(p=0.2)", "RandomGrayscale(p=0.5)", "the probability of grey is 0.5",
          OFTEN, "grey"),
    entry("one_channel", "RandomGrayscale(p=0.2)", "Grayscale(1)", "the view has a single channel", STEPS, "shapes"),
    entry("one_of_the_three", "*augmentations,", "transforms.RandomChoice(augmentations),",
          "only one of the three steps is applied to a view", STEPS, "flip", "jitter", "grey"),
    entry("all_or_nothing", "*augmentations,", "transforms.RandomApply(augmentations, p=0.5),",
          "the three steps are applied together or not at all", OFTEN, "flip", "jitter", "grey"),
    entry("grey_where_jittered", f"{JITTER}\n        {GREY}",
          "transforms.RandomApply([color_jitter, transforms.RandomGrayscale(p=0.25)], p=0.8),",
          "only what is jittered turns grey", APART, "strength"),
    entry("flipped_where_jittered", f"{FLIP}\n        {JITTER}",
          "transforms.RandomApply([transforms.RandomHorizontalFlip(p=0.625), color_jitter], p=0.8),",
          "only what is jittered is flipped", APART, "strength"),
    entry("seeded_after_each", NORMALIZE,
          f"{NORMALIZE}\n            transforms.Lambda(lambda view: (torch.manual_seed(seed), view)[1]),",
          "each view but the first is drawn from the same seed", SEED, "crop"),
    entry("no_hue", STRENGTH, "transforms.ColorJitter(0.4, 0.4, 0.4)", "the hue is not jittered", STRONG, "strength"),
    entry("strong_hue", STRENGTH, "transforms.ColorJitter(0.4, 0.4, 0.4, 0.4)", "the hue is jittered as the rest",
          STRONG, "strength"),
    entry("brightness_alone", STRENGTH, "transforms.ColorJitter(0.4)", "only brightness is jittered", STRONG,
          "strength"),
    entry("no_saturation", STRENGTH, "transforms.ColorJitter(0.4, 0.4, 0.0, 0.1)", "the saturation is not jittered",
          STRONG, "strength"),
    entry("no_contrast", STRENGTH, "transforms.ColorJitter(0.4, 0.0, 0.4, 0.1)", "the contrast is not jittered", STRONG,
          "strength"),
    entry("twice_as_strong", STRENGTH, "transforms.ColorJitter(0.8, 0.8, 0.8, 0.2)", "the jitter is twice as strong",
          STRONG, "strength"),
    entry("too_weak", STRENGTH, "transforms.ColorJitter(0.1, 0.1, 0.1, 0.1)", "the jitter is a quarter as strong",
          STRONG, "strength"),
    entry("not_normalised", NORMALIZE, "", "the views are not normalised", STEPS, "normalisation"),
    entry("normalised_to_one", NORMALIZE, "transforms.Normalize([0.5] * 3, [0.5] * 3),",
          "0.5 is taken for all means and deviations", STATISTICS, "normalisation"),
    entry("statistics_exchanged", NORMALIZE, "transforms.Normalize(CIFAR10_STD, CIFAR10_MEAN),",
          "mean and deviation are exchanged", STATISTICS, "normalisation"),
    entry("imagenet", NORMALIZE, "transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),",
          "the statistics are ImageNet's", STATISTICS, "normalisation"),
    entry("channels_reversed", NORMALIZE, "transforms.Normalize(CIFAR10_MEAN[::-1], CIFAR10_STD[::-1]),",
          "the channels' statistics are in reversed order", STATISTICS, "normalisation"),
    entry("normalised_first", "transforms.RandomResizedCrop(32),",
          "transforms.ToTensor(), transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD), transforms.ToPILImage(),\n"
          "            transforms.RandomResizedCrop(32),", "the picture is normalised before it is augmented", STEPS,
          "normalisation"),
    entry("no_tensor", "transforms.ToTensor(),\n            transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD),", "",
          "the view is a picture, no tensor", STEPS, "shapes"),
    entry("larger_crop", "RandomResizedCrop(32)", "RandomResizedCrop(64)", "the view has 64 x 64 pixels", STEPS,
          "shapes"),
    entry("no_crop", "transforms.RandomResizedCrop(32)", "transforms.Resize((32, 32))",
          "the whole picture is shown every time", STEPS, "crop"),
    entry("any_order", "*augmentations,", "transforms.RandomOrder(augmentations),",
          "the three steps come in any order", "The steps have an order.", "strength"),
    entry("upside_down_too", FLIP, f"{FLIP}\n        transforms.RandomVerticalFlip(p=0.5),",
          "up and down are exchanged as well", STEPS, "flip"),
    entry("blurred", GREY, f"{GREY}\n        transforms.RandomApply([transforms.GaussianBlur(3)], p=0.5),",
          "half of the views are blurred", STEPS, "crop"),
    entry("rotated", GREY, f"{GREY}\n        transforms.RandomRotation(5),", "the views are rotated a little", STEPS,
          "crop"),
    entry("no_return", "return transforms.Compose(", "transform = transforms.Compose(", "nothing is returned",
          "Is there a `return` line?", "shapes"),
)  # fmt: skip

TEST_TRANSFORM = mistakes_in(
    "simclr_data.compute_test_transform",
    entry("not_normalised", NORMALIZE, "", "the view is not normalised", STEPS, "values"),
)

PAIR = mistakes_in(
    "simclr_data.CIFAR10Pair.__getitem__",
    entry("same_view_twice", "x_j = self.transform(img)", "x_j = x_i", "both views are the same", VIEWS, "views"),
    entry("second_missing", "            x_j = self.transform(img)\n", "", "the second view is None", VIEWS, "shapes"),
    entry("exchanged_with_target", "return x_i, x_j, target", "return x_i, target, x_j",
          "the class stands before the second view", "Compare the order with the docstring.", "shapes"),
    entry("no_target", "return x_i, x_j, target", "return x_i, x_j", "the class is missing",
          "Compare the order with the docstring.", "shapes"),
    entry("views_as_a_pair", "return x_i, x_j, target", "return (x_i, x_j), target", "the views are one tuple",
          "Compare the order with the docstring.", "shapes"),
    entry("seeded_before_each", "x_i = self.transform(img)\n            x_j",
          "torch.manual_seed(index)\n            random.seed(index)\n            x_i = self.transform(img)\n"
          "            torch.manual_seed(index)\n            random.seed(index)\n            x_j",
          "both views are drawn after the same seed", VIEWS, "views"),
    entry("seeded", "x_i = self.transform(img)", "torch.manual_seed(index)\n            random.seed(index)\n"
          "            x_i = self.transform(img)", "every epoch shows the same two views", VIEWS, "views"),
    entry("seeded_afterwards", "x_j = self.transform(img)", "x_j = self.transform(img)\n"
          "            torch.manual_seed(index)\n            random.seed(index)",
          "each item leaves behind a seed from which the next one is drawn", VIEWS, "views"),
    entry("turned_over", "Image.fromarray(img)", "Image.fromarray(img.transpose(1, 0, 2))",
          "rows and columns of the picture are exchanged", "Look at a picture of the data set, and at what is transformed.",
          "image"),
    entry("view_of_a_view", "x_j = self.transform(img)", "x_j = self.transform(img.rotate(180))",
          "the second view is of another picture", VIEWS, "image"),
    entry("first_image_always", "img, target = self.data[index], ", "img, target = self.data[0], ",
          "every item shows the first image", VIEWS, "image"),
    entry("next_image", "x_j = self.transform(img)",
          "x_j = self.transform(Image.fromarray(self.data[(index + 1) % len(self.data)]))",
          "the second view is of the next image", VIEWS, "image"),
    entry("no_picture", "img = Image.fromarray(img)", "", "the transform is given an array, no picture", VIEWS,
          "image"),
    entry("target_not_transformed", "target = self.target_transform(target)", "pass",
          "target_transform is not applied", "Compare the lines around your region with the handout.", "target"),
    entry("class_of_the_first", "self.targets[index]", "self.targets[0]", "every item has the first image's class",
          "Compare the lines around your region with the handout.", "target"),
)  # fmt: skip

MISTAKES = (*TRANSFORM, *TEST_TRANSFORM, *PAIR)
