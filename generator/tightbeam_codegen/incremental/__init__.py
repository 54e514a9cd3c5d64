"""What one run remembers for the next, and when that is still valid.

Two things are kept, both in the user's cache folder (`cache.py`), as JSON without any source text:

* For a whole run (`up_to_date.py`): digests of all inputs and of all outputs. If both are the same again,
  there is nothing to do, and no definition is even parsed.
* For each channel definition (`definitions.py`): digests of its file, of every document that it refers to,
  over others too, and of the files that were printed of it. It is unchanged while all of them are the same,
  no other file shares its module, and all classes of the run have the names that they had (`context`). Its
  files are then taken from the output folder as they are.

Beside these a target may keep answers of its own, such as the Python types that were worked out for shapes.
"""
