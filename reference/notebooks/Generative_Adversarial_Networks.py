# %% [markdown]
# # Generative adversarial networks
#
# Two networks play against each other. The **generator** $G$ turns noise into pictures; the **discriminator** $D$ is
# shown real and made pictures and says which is which. Each learns from the other's mistakes:
#
# $$\min_G \max_D \; E_x[\log D(x)] + E_z[\log(1 - D(G(z)))]$$
#
# In practice the generator maximises $\log D(G(z))$ instead: that has a gradient also while it is still bad.
# You write the parts in `cs231n/gan_pytorch.py`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torchvision.transforms as T
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST

from cs231n.gan_pytorch import *
from cs231n.checking import rel_error, report  # after it: the file above has an own rel_error

# %matplotlib inline
# %load_ext autoreload
# %autoreload 2


def show_images(images, columns=8):
    """Rows of 784 numbers as a sheet of pictures."""
    rows = -(-len(images) // columns)
    _, places = plt.subplots(rows, columns, figsize=(columns, rows))
    for place in places.flat:
        place.axis("off")
    for place, image in zip(places.flat, images):
        place.imshow(np.reshape(image, (28, 28)), cmap="gray")
    plt.show()


# %% [markdown]
# ## The data
#
# Handwritten digits (MNIST), 28 x 28 pixels between 0 and 1. The last 500 are kept apart.

# %%
BATCH = 128
digits = MNIST("./cs231n/datasets/MNIST_data", train=True, download=True, transform=T.ToTensor())
loader_train = DataLoader(digits, batch_size=BATCH, sampler=ChunkSampler(len(digits) - 500, 0))
images, labels = next(iter(loader_train))
show_images(images[:16].view(16, 784).numpy())

# %% [markdown]
# ## Noise
#
# `sample_noise` draws uniformly between -1 and 1.

# %%
torch.manual_seed(231)
noise = sample_noise(3, 4)
many = sample_noise(1000, 10)
report(
    "sample_noise",
    at_most=0.05,
    wrong_shape=float(tuple(noise.shape) != (3, 4)),
    outside=float((many.abs() > 1).float().mean()),
    mean=abs(float(many.mean())),
    spread=abs(float(many.std()) - 3**-0.5),
)

# %% [markdown]
# ## Discriminator
#
# Flatten, 256 units, LeakyReLU with slope 0.01, 256 units, LeakyReLU, one score. All layers have biases.

# %%
report("discriminator", at_most=0, parameters_off_by=abs(count_params(discriminator()) - 267009))

# %% [markdown]
# ## Generator
#
# 1024 units, ReLU, 1024 units, ReLU, 784 pixels, tanh.

# %%
report("generator", at_most=0, parameters_off_by=abs(count_params(generator(4)) - 1858320))

# %% [markdown]
# ## Losses
#
# With logits $s$ and labels $y$ both losses are binary cross-entropies, which `bce_loss` computes without overflow:
#
# $$\ell_G = -E[\log D(G(z))] \qquad \ell_D = -E[\log D(x)] - E[\log(1 - D(G(z)))]$$
#
# At most 1e-6.

# %%
logits_real = torch.linspace(-2.5, 3.0, 10).reshape(10, 1)
logits_fake = torch.linspace(2.0, -4.0, 10).reshape(10, 1)
real, fake = logits_real.numpy().astype(float), logits_fake.numpy().astype(float)

expected = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
report(
    "discriminator_loss",
    at_most=1e-6,
    loss=rel_error(expected, discriminator_loss(logits_real, logits_fake).item()),
)

# %%
report(
    "generator_loss",
    at_most=1e-6,
    loss=rel_error(np.logaddexp(0, -fake).mean(), generator_loss(logits_fake).item()),
)

# %% [markdown]
# ## Training
#
# `get_optimizer` makes an Adam with learning rate 1e-3, $\beta_1 = 0.5$ and $\beta_2 = 0.999$. The training loop,
# `run_a_gan`, is given; read it. With all of MNIST digits appear after some hundred iterations.

# %%
settings = get_optimizer(torch.nn.Linear(2, 2)).param_groups[0]
report(
    "get_optimizer",
    at_most=1e-12,
    learning_rate=abs(settings["lr"] - 1e-3),
    beta1=abs(settings["betas"][0] - 0.5),
    beta2=abs(settings["betas"][1] - 0.999),
)

# %%
torch.manual_seed(231)
D, G = discriminator().type(dtype), generator().type(dtype)
images = run_a_gan(
    D, G, get_optimizer(D), get_optimizer(G), discriminator_loss, generator_loss, loader_train, show_every=50
)
for sheet in images:
    show_images(sheet)

# %% [markdown]
# ### Inline question 1
#
# Show the last picture of your vanilla GAN: run the cell below. It is your answer.

# %%
print("The last picture of the vanilla GAN:")
show_images(images[-1])

# %% [markdown]
# ## Least squares
#
# The least squares GAN takes the scores as they are and wants 1 for real and 0 for made pictures:
#
# $$\ell_G = \tfrac{1}{2} E[(D(G(z)) - 1)^2] \qquad \ell_D = \tfrac{1}{2} E[(D(x) - 1)^2] + \tfrac{1}{2} E[D(G(z))^2]$$
#
# At most 1e-6.

# %%
expected_d = ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
expected_g = ((fake - 1) ** 2).mean() / 2
report(
    "lsgan_loss",
    at_most=1e-6,
    discriminator=rel_error(expected_d, ls_discriminator_loss(logits_real, logits_fake).item()),
    generator=rel_error(expected_g, ls_generator_loss(logits_fake).item()),
)

# %%
torch.manual_seed(231)
D_LS, G_LS = discriminator().type(dtype), generator().type(dtype)
images_ls = run_a_gan(
    D_LS,
    G_LS,
    get_optimizer(D_LS),
    get_optimizer(G_LS),
    ls_discriminator_loss,
    ls_generator_loss,
    loader_train,
    show_every=50,
)
for sheet in images_ls:
    show_images(sheet)

# %% [markdown]
# ### Inline question 2
#
# Show the last picture of your least squares GAN: run the cell below. It is your answer.

# %%
print("The last picture of the least squares GAN:")
show_images(images_ls[-1])

# %% [markdown]
# ## Convolutions
#
# Discriminator: 32 filters of 5 x 5, LeakyReLU 0.01, max-pooling by 2, 64 filters of 5 x 5, LeakyReLU, max-pooling by 2,
# flatten, 4 * 4 * 64 units, LeakyReLU, one score. Write `build_dc_classifier`.

# %%
picture = next(iter(loader_train))[0].type(dtype)
scores = build_dc_classifier(BATCH).type(dtype)(picture)
report("dc_classifier_shape", at_most=0, wrong_shape=float(tuple(scores.shape) != (BATCH, 1)))

# %%
report("dc_classifier", at_most=0, parameters_off_by=abs(count_params(build_dc_classifier(BATCH)) - 1102721))

# %% [markdown]
# Generator: 1024 units, ReLU, batch norm, 7 * 7 * 128 units, ReLU, batch norm, `Unflatten` to 128 x 7 x 7, transposed
# convolution to 64 channels (4 x 4, stride 2, padding 1), ReLU, batch norm, the same to one channel, tanh, flatten.
# Write `build_dc_generator`.

# %%
dc_generator = build_dc_generator().type(dtype)
dc_generator.apply(initialize_weights)
made = dc_generator(torch.randn(BATCH, NOISE_DIM).type(dtype))
report("dc_generator_shape", at_most=0, wrong_shape=float(tuple(made.shape) != (BATCH, 784)))

# %%
report("dc_generator", at_most=0, parameters_off_by=abs(count_params(build_dc_generator(4)) - 6580801))

# %%
torch.manual_seed(231)
D_DC, G_DC = build_dc_classifier(BATCH).type(dtype), build_dc_generator().type(dtype)
D_DC.apply(initialize_weights)
G_DC.apply(initialize_weights)
images_dc = run_a_gan(
    D_DC,
    G_DC,
    get_optimizer(D_DC),
    get_optimizer(G_DC),
    discriminator_loss,
    generator_loss,
    loader_train,
    show_every=20,
    num_epochs=4,
)
for sheet in images_dc:
    show_images(sheet)

# %% [markdown]
# ### Inline question 3
#
# Show the last picture of your DC-GAN: run the cell below. It is your answer.

# %%
print("The last picture of the DC-GAN:")
show_images(images_dc[-1])

# %% [markdown]
# ### Inline question 4
#
# Why is it hard to train two networks against each other? Look at $f(x, y) = xy$.
#
# What is $\min_x \max_y f(x, y)$? Now try to find it step by step: start at $x_0 = y_0 = 1$, change $y$ by gradient ascent,
# then $x$ by gradient descent with the new $y$, with a step size of 1. Write down the six pairs that follow.
#
# Say what the minimax value is, and fill in the table.
#
# | | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | y | 1 | | | | | | |
# | x | 1 | | | | | | |

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# Whatever $x$ is (but for 0), the largest $xy$ is infinite; at $x = 0$ it is 0. So $\min_x \max_y f(x, y) = 0$.
# The steps are $y_{t+1} = y_t + x_t$ and $x_{t+1} = x_t - y_{t+1}$:
#
# | | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | y | 1 | 2 | 1 | -1 | -2 | -1 | 1 |
# | x | 1 | -1 | -2 | -1 | 1 | 2 | 1 |

# %% [markdown]
# ### Inline question 5
#
# Does this way of searching ever arrive at the optimum? Why, or why not?

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# No. After six steps the pair is (1, 1) again, so the same values repeat for ever; none of them is (0, 0).

# %% [markdown]
# ### Inline question 6
#
# During a training the generator's loss falls while the discriminator's loss stays high from the beginning. Is that a
# good sign? Why, or why not? Words are enough.

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# No. A discriminator whose loss stays high has not learned to tell real from made pictures, so a generator that fools it
# has learned nothing about real pictures.
