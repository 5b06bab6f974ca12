"""Training of the embedded reader's weights: samples, classifiers, thresholds. Run by `bench/train_reader.py`."""
