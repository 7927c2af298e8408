"""A training of less than a second, on the images of `photos`, with all that draws numbers."""

PHOTOS = """
name: photos
data: {root: %s, image_size: [8, 8], split: {validation: 0.2, test: 0.2}, batch_size: 8}
preprocessing: {rescale: 1/255}
augmentation: {width_shift_range: 0.1}
model:
  layers: [Conv2D: {filters: 4, kernel_size: 3, activation: relu}, Flatten, Dropout: {rate: 0.2}]
training: {epochs: 2, export: [], optimizer: {Adam: {learning_rate: 1e-2}}}
"""
