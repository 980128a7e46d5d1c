"""Training a captioner: minibatches of captions, one update rule for all parameters."""

from . import optim
from .coco_utils import sample_coco_minibatch

UPDATE_RULES = ("sgd", "sgd_momentum", "rmsprop", "adam")


class CaptioningSolver:
    """Trains a model with `params` and `loss(features, captions) -> (loss, grads)` by gradient descent.

    After `train()` the model's params are the trained ones, and `loss_history` has one loss per iteration.
    """

    def __init__(
        self,
        model,
        data,
        *,
        update_rule="sgd",
        optim_config=None,
        lr_decay=1.0,
        batch_size=100,
        num_epochs=10,
        print_every=10,
        verbose=True,
        **unknown,
    ):
        """Prepares a run of num_epochs * max(captions // batch_size, 1) iterations.

        data: a dict as `load_coco_data` returns. update_rule: the name of a function in `optim`, with its
        settings in optim_config. lr_decay: factor on the learning rate after each epoch. verbose prints the
        loss every print_every iterations. Raises ValueError for an unknown keyword or update rule.
        """
        if unknown:
            raise ValueError(f"unknown keyword for CaptioningSolver: {', '.join(sorted(unknown))}")
        if update_rule not in UPDATE_RULES:
            raise ValueError(f"unknown update_rule {update_rule!r}: use one of {', '.join(UPDATE_RULES)}")
        self.model = model
        self.data = data
        self.update_rule = getattr(optim, update_rule)
        self.optim_config = optim_config or {}
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.print_every = print_every
        self.verbose = verbose
        self._reset()

    def _reset(self):
        """Forgets an earlier run's history; every parameter gets its own copy of the rule's settings."""
        self.epoch = 0
        self.best_val_acc = 0
        self.best_params = {}
        self.loss_history = []
        self.train_acc_history = []
        self.val_acc_history = []
        self.optim_configs = {name: dict(self.optim_config) for name in self.model.params}

    def _step(self):
        """One iteration: a minibatch, its loss and gradients, one update of every parameter."""
        captions, features, _ = sample_coco_minibatch(self.data, batch_size=self.batch_size, split="train")
        loss, grads = self.model.loss(features, captions)
        self.loss_history.append(loss)

        for name, w in self.model.params.items():
            next_w, config = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name] = next_w
            self.optim_configs[name] = config

    def check_accuracy(self, X, y, num_samples=None, batch_size=100):
        """Always 0.0: there is no accuracy of a caption here, since many captions of an image are right."""
        return 0.0

    def train(self):
        """Runs all iterations, and lowers the learning rate at the end of each epoch."""
        num_train = self.data["train_captions"].shape[0]
        iterations_per_epoch = max(num_train // self.batch_size, 1)
        num_iterations = self.num_epochs * iterations_per_epoch

        for t in range(num_iterations):
            self._step()
            if self.verbose and t % self.print_every == 0:
                print(f"(Iteration {t + 1} / {num_iterations}) loss: {self.loss_history[-1]:f}")
            if (t + 1) % iterations_per_epoch == 0:
                self.epoch += 1
                self._decay_learning_rate()

    def _decay_learning_rate(self):
        for config in self.optim_configs.values():
            config["learning_rate"] *= self.lr_decay
