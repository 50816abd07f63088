"""The walk of a reconcile: the functions that the source lets one enter from an entry, in the order of the calls.

It reads the source and runs nothing. A function is entered once, where its name first stands. Names are resolved by
imports; methods and properties by the annotations of parameters, fields and results, and by the constructor that sets
an attribute. What only a run could tell is left out: callables in attributes, elements of containers, subclasses.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Symbol:
    """A class, a function or a constant, and its module; of a method also the class."""

    module: str
    node: ast.ClassDef | Function | ast.expr
    owner: "Symbol | None" = None

    @property
    def name(self) -> str:
        """Its name; a method has the one of its class in front."""
        own = str(getattr(self.node, "name", ""))
        return own if self.owner is None else f"{self.owner.name}.{own}"


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions entered, in the order of the calls."""

    functions: tuple[Symbol, ...]

    @property
    def files(self) -> int:
        """How many files they are in."""
        return len({function.module for function in self.functions})

    @property
    def returns(self) -> int:
        """How often the way comes back to a file that it has left."""
        return sum(1 for _ in groupby(self.functions, key=lambda function: function.module)) - self.files


@dataclass(slots=True)
class Source:
    """The definitions of packages: by module, by name. `imports` has the full name of what a module imports."""

    definitions: dict[str, dict[str, Symbol]] = field(default_factory=dict)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, *roots: Path) -> "Source":
        """Read the packages of these source roots."""
        source = cls()
        for root in roots:
            for file in sorted(root.rglob("*.py")):
                name = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                source.add(name, ast.parse(file.read_text(encoding="utf-8")))
        return source

    def add(self, name: str, tree: ast.Module) -> None:
        """Add a module."""
        defined = self.definitions.setdefault(name, {})
        imported = self.imports.setdefault(name, {})
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                imported |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        for node in tree.body:
            match node:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    defined[node.name] = Symbol(name, node)
                case ast.Assign(targets=[ast.Name(id=constant)], value=value):
                    defined[constant] = Symbol(name, value)

    def find(self, module: str, name: str) -> Symbol | None:
        """The definition to which a name leads in a module."""
        while name not in self.definitions.get(module, {}):
            if name not in self.imports.get(module, {}):
                return None
            module, _, name = self.imports[module][name].rpartition(".")
        return self.definitions[module][name]

    def type_of(self, module: str, annotation: ast.expr | None) -> Symbol | None:
        """The class that an annotation names: of a union the first that is ours, of a generic class the class."""
        match annotation:
            case ast.Constant(value=str(text)):
                return self.type_of(module, ast.parse(text, mode="eval").body)
            case ast.Name(id=name):
                found = self.find(module, name)
                # An alias, such as a union of classes, stands for what it names.
                return self.type_of(found.module, found.node) if found and isinstance(found.node, ast.expr) else found
            case ast.BinOp(left=left, right=right):
                return self.type_of(module, left) or self.type_of(module, right)
            case ast.Subscript(value=value):
                return self.type_of(module, value)
        return None

    def member(self, owner: Symbol, name: str) -> Symbol | None:
        """The method or property, or the class of the attribute, that instances of a class have by this name."""
        if not isinstance(owner.node, ast.ClassDef):
            return None
        for statement in owner.node.body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if statement.name == name:
                    return Symbol(owner.module, statement, owner)
                case ast.AnnAssign(target=ast.Name(id=attribute)) if attribute == name:
                    return self.type_of(owner.module, statement.annotation)
        constructor = next((each for each in owner.node.body if getattr(each, "name", "") == "__init__"), None)
        if isinstance(constructor, ast.FunctionDef) and (found := self._set_by(owner, constructor, name)):
            return found
        bases = (self.type_of(owner.module, base) for base in owner.node.bases)
        return next((found for base in bases if base and (found := self.member(base, name))), None)

    def _set_by(self, owner: Symbol, constructor: Function, name: str) -> Symbol | None:
        known = self.parameters(Symbol(owner.module, constructor, owner))
        for statement in ast.walk(constructor):
            for target, value in assignments(statement):
                if isinstance(target, ast.Attribute) and target.attr == name:
                    annotation = statement.annotation if isinstance(statement, ast.AnnAssign) else None
                    return self.type_of(owner.module, annotation) or self.value(owner.module, value, known)
        return None

    def parameters(self, of: Symbol) -> dict[str, Symbol | None]:
        """The classes of a function's parameters."""
        if not isinstance(of.node, Function):
            return {}
        every = (*of.node.args.posonlyargs, *of.node.args.args, *of.node.args.kwonlyargs)
        found = {each.arg: self.type_of(of.module, each.annotation) for each in every}
        return found if of.owner is None or not every else found | {every[0].arg: of.owner}

    def value(self, module: str, value: ast.expr | None, known: dict[str, Symbol | None]) -> Symbol | None:
        """The function or class that an expression names, or else the class of its value. `known`: local variables."""
        match value:
            case ast.Name(id=name):
                return known[name] if name in known else self.find(module, name)
            case ast.Attribute():
                found = self.attribute(module, value, known)
                return self.result(found, called=False) if found and is_property(found) else found
            case ast.Call(func=called):
                of = self.value(module, called, known)
                return None if of is None else self.result(of, called=is_local(called, known))
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(module, inner, known)
        return None

    def attribute(self, module: str, of: ast.Attribute, known: dict[str, Symbol | None]) -> Symbol | None:
        """The method or property that stands there, or the class of the attribute."""
        owner = self.value(module, of.value, known)
        return None if owner is None else self.member(owner, of.attr)

    def result(self, of: Symbol, *, called: bool) -> Symbol | None:
        """The class of what a call returns; `called`: of an object, not of its class."""
        if isinstance(of.node, Function):
            return self.type_of(of.module, of.node.returns)
        method = self.member(of, "__call__") if called else None
        return of if method is None else self.result(method, called=False)


def is_property(of: Symbol) -> bool:
    """Whether it is a function that is called by its name without parentheses."""
    decorators = getattr(of.node, "decorator_list", ())
    return any(isinstance(each, ast.Name) and each.id.endswith("property") for each in decorators)


def is_local(called: ast.expr, known: dict[str, Symbol | None]) -> bool:
    """Whether the name in front of a call is not the name of a function or a class."""
    return not isinstance(called, ast.Name) or called.id in known


def assignments(statement: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield target and value of each assignment; of `a, b = c, d` one pair after another."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            yield from zip(targets, values, strict=False)
        case ast.Assign(targets=[target], value=value):
            yield target, value
        case ast.AnnAssign(target=target, value=annotated):
            yield target, annotated
        case ast.NamedExpr(target=target, value=value):
            yield target, value


class Walk:
    """Follows the calls from entries, each `module:function` or `module:Class.method`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._entered: dict[int, Symbol] = {}

    def follow(self, *entries: str) -> Steps:
        """Return the way through the source. Raises `KeyError` for an entry that does not exist."""
        for entry in entries:
            module, _, path = entry.partition(":")
            first, *rest = path.split(".")
            found: Symbol | None = self._source.definitions[module][first]
            for name in rest:
                found = found and self._source.member(found, name)
            if found is None:
                raise KeyError(entry)
            self._enter(found)
        return Steps(tuple(self._entered.values()))

    def _enter(self, found: Symbol) -> None:
        """Enter a function; of a list of functions, each of them."""
        if isinstance(found.node, ast.Tuple):
            self._visit(found.node, found.module, {})
        if isinstance(found.node, Function) and id(found.node) not in self._entered:
            self._entered[id(found.node)] = found
            known = self._source.parameters(found)
            for statement in found.node.body:
                self._visit(statement, found.module, known)

    def _visit(self, node: ast.AST, module: str, known: dict[str, Symbol | None]) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(node, ast.arg | ast.AnnAssign) or child is not node.annotation:
                self._visit(child, module, known)
        for target, value in assignments(node):
            if isinstance(target, ast.Name):
                annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
                known[target.id] = self._source.type_of(module, annotation) or self._source.value(module, value, known)
        found: Symbol | None = None
        match node:
            case ast.Name(ctx=ast.Load()) if node.id not in known:
                found = self._source.find(module, node.id)
            case ast.Attribute(ctx=ast.Load()):
                found = self._source.attribute(module, node, known)
            case ast.Call(func=called) if of := self._source.value(module, called, known):
                names = ("__call__",) if is_local(called, known) else ("__init__", "__post_init__")
                found = next((method for name in names if (method := self._source.member(of, name))), None)
        if found is not None:
            self._enter(found)
