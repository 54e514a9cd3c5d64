"""Python bindings, from shapes to text.

`question`, `fence` and `answer` give a fact about each shape; `facts` and `stored` keep them. `spelling`,
`unions` and `accepted` make types of shapes (`type_tree`). `items`, `modules`, `module_assignment` and
`import_order` assemble what a package says (`ir`). `printer` prints it, with `expressions`, `layout`,
`imports`, `imported_names` and `literals`. `emit` runs all of them.
"""
