"""Python bindings, from shapes to text.

`question`, `fence` and `answer` give a fact about each shape; `facts` and `stored` keep them. `spelling`,
`unions` and `accepted` make types of shapes (`type_tree`). `items`, `modules`, `module_assignment` and
`import_order` assemble what a package says (`ir`). `printer`, `expressions`, `layout`, `imports`, `words` and
`literals` print it. `emit` runs all of them.
"""
