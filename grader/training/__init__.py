"""Training runs whose success is recomputed from the parameters: settings, bars, the loop, and the three kinds of run.

Training happens in the student's worker with the student's layers; start, batches, order and optimiser are the
grader's. Every few steps the parameters are fetched and measured in the reference's worker; nothing that the
student's process says about itself counts.
"""
