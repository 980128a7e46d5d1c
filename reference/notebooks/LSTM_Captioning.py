# %% [markdown]
# # Image captioning with an LSTM (extra credit)
#
# A vanilla RNN multiplies its state by the same matrix at every step, so gradients die out or explode over long
# captions. An LSTM has a second state, the cell $c$, which is only scaled and added to. This notebook is like that of
# the vanilla RNN: write the layers in `cs231n/rnn_layers.py`, check them, and train.

# %%
import matplotlib.pyplot as plt
import numpy as np

from cs231n.captioning_solver import CaptioningSolver
from cs231n.checking import rel_error, report
from cs231n.classifiers.rnn import CaptioningRNN
from cs231n.coco_utils import decode_captions, load_coco_data, sample_coco_minibatch
from cs231n.gradient_check import eval_numerical_gradient_array
from cs231n.image_utils import image_from_url
from cs231n.rnn_layers import *

# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

# %%
data = load_coco_data(pca_features=True)
print({name: np.shape(value) for name, value in data.items() if isinstance(value, np.ndarray)})

# %% [markdown]
# ## One time step, forward
#
# One product gives four blocks of H columns, the gates and the proposal, in this order:
#
# $$a = x_t W_x + h_{t-1} W_h + b = (a_i, a_f, a_o, a_g)$$
# $$i = \sigma(a_i) \quad f = \sigma(a_f) \quad o = \sigma(a_o) \quad g = \tanh(a_g)$$
# $$c_t = f \odot c_{t-1} + i \odot g \qquad h_t = o \odot \tanh(c_t)$$
#
# Write `lstm_step_forward`. The errors should not exceed 1e-7.

# %%
N, D, H = 3, 4, 5
x = np.linspace(-0.4, 1.2, num=N * D).reshape(N, D)
prev_h = np.linspace(-0.3, 0.7, num=N * H).reshape(N, H)
prev_c = np.linspace(-0.4, 0.9, num=N * H).reshape(N, H)
Wx = np.linspace(-2.1, 1.3, num=4 * D * H).reshape(D, 4 * H)
Wh = np.linspace(-0.7, 2.2, num=4 * H * H).reshape(H, 4 * H)
b = np.linspace(0.3, 0.7, num=4 * H)

next_h, next_c, _ = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
expected_next_h = np.asarray(
    [
        [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904],
        [0.49223563, 0.55611431, 0.61507696, 0.66844003, 0.7159181],
        [0.56735664, 0.66310127, 0.74419266, 0.80889665, 0.858299],
    ]
)
expected_next_c = np.asarray(
    [
        [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407],
        [0.66382255, 0.76674007, 0.87195994, 0.97902709, 1.08751345],
        [0.74192008, 0.90592151, 1.07717006, 1.25120233, 1.42395676],
    ]
)
report(
    "lstm_step_forward",
    at_most=1e-7,
    next_h=rel_error(expected_next_h, next_h),
    next_c=rel_error(expected_next_c, next_c),
)

# %% [markdown]
# ## One time step, backward
#
# Write `lstm_step_backward`. A gradient reaches the cell state on two ways, as `dnext_c` and through `dnext_h`.
# At most 1e-6.

# %%
np.random.seed(231)
N, D, H = 4, 5, 6
x, prev_h, prev_c = np.random.randn(N, D), np.random.randn(N, H), np.random.randn(N, H)
Wx, Wh, b = np.random.randn(D, 4 * H), np.random.randn(H, 4 * H), np.random.randn(4 * H)
next_h, next_c, cache = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
dnext_h, dnext_c = np.random.randn(*next_h.shape), np.random.randn(*next_c.shape)
gradients = lstm_step_backward(dnext_h.copy(), dnext_c.copy(), cache)


def step_output(which):
    return lambda _: lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)[which]


errors = {}
names = ["dx", "dprev_h", "dprev_c", "dWx", "dWh", "db"]
for name, array, gradient in zip(names, [x, prev_h, prev_c, Wx, Wh, b], gradients):
    numerical = eval_numerical_gradient_array(step_output(0), array, dnext_h)
    numerical = numerical + eval_numerical_gradient_array(step_output(1), array, dnext_c)
    errors[name] = rel_error(numerical, gradient)
report("lstm_step_backward", at_most=1e-6, **errors)

# %% [markdown]
# ## A whole sequence, forward
#
# `lstm_forward` starts from a cell state of zeros and returns the hidden states alone. At most 1e-6.

# %%
N, D, H, T = 2, 5, 4, 3
x = np.linspace(-0.4, 0.6, num=N * T * D).reshape(N, T, D)
h0 = np.linspace(-0.4, 0.8, num=N * H).reshape(N, H)
Wx = np.linspace(-0.2, 0.9, num=4 * D * H).reshape(D, 4 * H)
Wh = np.linspace(-0.3, 0.6, num=4 * H * H).reshape(H, 4 * H)
b = np.linspace(0.2, 0.7, num=4 * H)

h, _ = lstm_forward(x, h0, Wx, Wh, b)
expected_h = np.asarray(
    [
        [
            [0.01764008, 0.01823233, 0.01882671, 0.0194232],
            [0.11287491, 0.12146228, 0.13018446, 0.13902939],
            [0.31358768, 0.33338627, 0.35304453, 0.37250975],
        ],
        [
            [0.45767879, 0.4761092, 0.4936887, 0.51041945],
            [0.6704845, 0.69350089, 0.71486014, 0.7346449],
            [0.81733511, 0.83677871, 0.85403753, 0.86935314],
        ],
    ]
)
report("lstm_forward", at_most=1e-6, h=rel_error(expected_h, h))

# %% [markdown]
# ## A whole sequence, backward
#
# `lstm_backward`: two gradients flow from step to step. At most 1e-4.

# %%
np.random.seed(231)
N, D, T, H = 2, 3, 10, 6
x, h0 = np.random.randn(N, T, D), np.random.randn(N, H)
Wx, Wh, b = np.random.randn(D, 4 * H), np.random.randn(H, 4 * H), np.random.randn(4 * H)
out, cache = lstm_forward(x, h0, Wx, Wh, b)
dout = np.random.randn(*out.shape)
gradients = lstm_backward(dout.copy(), cache)


def sequence_output(_):
    return lstm_forward(x, h0, Wx, Wh, b)[0]


errors = {}
for name, array, gradient in zip(["dx", "dh0", "dWx", "dWh", "db"], [x, h0, Wx, Wh, b], gradients):
    errors[name] = rel_error(eval_numerical_gradient_array(sequence_output, array, dout), gradient)
report("lstm_backward", at_most=1e-4, **errors)

# %% [markdown]
# ## The captioning model
#
# Let `CaptioningRNN.loss` handle `cell_type="lstm"`, too. At most 1e-9 from the expected loss.

# %%
N, D, W, H, T = 10, 20, 30, 40, 13
word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}
V = len(word_to_idx)
model = CaptioningRNN(
    word_to_idx, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type="lstm", dtype=np.float64
)
for name, value in model.params.items():
    model.params[name] = np.linspace(-1.4, 1.3, num=value.size).reshape(*value.shape)
features = np.linspace(-0.5, 1.7, num=N * D).reshape(N, D)
captions = (np.arange(N * T) % V).reshape(N, T)

loss, grads = model.loss(features, captions)
report("captioning_loss", at_most=1e-9, difference=abs(loss - 9.82445935443))

# %% [markdown]
# ## Learn fifty captions by heart
#
# The last loss should be below 0.5.

# %%
np.random.seed(231)
small_data = load_coco_data(max_train=50)
small_model = CaptioningRNN(
    cell_type="lstm",
    word_to_idx=data["word_to_idx"],
    input_dim=data["train_features"].shape[1],
    hidden_dim=512,
    wordvec_dim=256,
    dtype=np.float32,
)
solver = CaptioningSolver(
    small_model,
    small_data,
    update_rule="adam",
    num_epochs=60,
    batch_size=25,
    optim_config={"learning_rate": 5e-3},
    lr_decay=0.995,
    print_every=10,
)
solver.train()

plt.plot(solver.loss_history)
plt.xlabel("Iteration")
plt.ylabel("Loss")
plt.show()

# %%
report("overfit", at_most=0.5, last_loss=float(solver.loss_history[-1]))

# %% [markdown]
# ## Describe images
#
# Let `CaptioningRNN.sample` handle the LSTM. Captions of training images should be nearly perfect.

# %%
for split in ["train", "val"]:
    captions, features, urls = sample_coco_minibatch(small_data, split=split, batch_size=2)
    sampled = decode_captions(small_model.sample(features), data["idx_to_word"])
    truth = decode_captions(captions, data["idx_to_word"])
    for right, mine, url in zip(truth, sampled, urls):
        print(f"{split}: {mine}\n   it is: {right}")
        image = image_from_url(url)
        if image is not None:
            plt.imshow(image)
            plt.title(mine)
            plt.axis("off")
            plt.show()
