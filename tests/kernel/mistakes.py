"""Strategies as users get them wrong; each `on_book` holds one mistake, in the line that ends with `# here`."""

import math

import numpy as np

from streams.kernel import I8, NULL, Array, Struct, Table

WORDS = {"a": 1}


class Quote(Struct):
    px_ticks: int

    def mid(self, other):
        return (self.px_ticks + other) // 2


class Mine(Struct):
    lean_ticks: int
    fair: float
    side: I8
    lots: Table[int, "n"]
    last: Quote
    tags: Array[I8, 4]


class MakesDict(Mine):
    def on_book(self, i):
        seen = {}  # here
        seen[i] = 1


class CallsDict(Mine):
    def on_book(self, i):
        seen = dict()  # here  # noqa: C408
        seen[i] = 1


class MakesList(Mine):
    def on_book(self, i):
        seen = []  # here
        seen.append(i)


class Comprehends(Mine):
    def on_book(self, i):
        seen = [x + i for x in range(3)]  # here
        return seen[0]


class Formats(Mine):
    def on_book(self, i):
        text = f"book {i}"  # here
        return len(text)


class FormatsOldStyle(Mine):
    def on_book(self, i):
        text = "book %d" % i  # here  # noqa: UP031
        return len(text)


class MistypesField(Mine):
    def on_book(self, i):
        return self.lean_tick + i  # here


class MistypesFieldInStore(Mine):
    def on_book(self, i):
        self.lean = i  # here


class StoresFloat(Mine):
    def on_book(self, i):
        self.lean_ticks = self.fair + i  # here


class StoresFloatItem(Mine):
    def on_book(self, i):
        self.lots[0] = i / 2  # here


class StoresText(Mine):
    def on_book(self, i):
        self.side = "BUY"  # here


class StoresNone(Mine):
    def on_book(self, i):
        self.lean_ticks = None  # here


class UsesUndefinedName(Mine):
    def on_book(self, i):
        return nowhere + i  # here


class UsesNumpy(Mine):
    def on_book(self, i):
        return int(np.mean(self.lots)) + i  # here


class Tries(Mine):
    def on_book(self, i):
        try:
            i = 1 // i  # here
        except ZeroDivisionError:
            i = 0
        return i


class RaisesToPower(Mine):
    def on_book(self, i):
        self.fair = self.fair**2  # here


class UsesHypot(Mine):
    def on_book(self, i):
        self.fair = math.hypot(self.fair, 1.0)  # here


class UsesGlobalDict(Mine):
    def on_book(self, i):
        return WORDS["a"] + i  # here


class MakesStruct(Mine):
    def on_book(self, i):
        quote = Quote()  # here
        return quote.px_ticks


class ForgetsArgument(Mine):
    def on_book(self, i):
        return self.last.mid()  # here


class GivesTooMany(Mine):
    def on_book(self, i):
        return self.last.mid(i, i)  # here


class UsesBeforeSet(Mine):
    def on_book(self, i):
        if i > 2:
            k = 3
        return k  # here


class Slices(Mine):
    def on_book(self, i):
        return len(self.lots[1:3])  # here


class LoopsOverTable(Mine):
    def on_book(self, i):
        for lots in self.lots:  # here
            i += lots
        return i


class CallsItself(Mine):
    def on_book(self, i):
        return self.on_book(i - 1) if i > 0 else 0  # here


class ReplacesStruct(Mine):
    def on_book(self, i):
        self.last = self.last  # here


class AddsStruct(Mine):
    def on_book(self, i):
        return self.last + i  # here


class Opens(Mine):
    def on_book(self, i):  # here
        with open("x") as f:
            return len(f.read())


class Prints(Mine):
    def on_book(self, i):
        print(i)  # here


class ImportsInside(Mine):
    def on_book(self, i):
        import json  # here

        return json.x


class NamesNoAttribute(Mine):
    def on_book(self, i):
        return i.px  # here


class CallsSuper(Mine):
    def on_book(self, i):
        return super().on_book(i)  # here


class Mixes(Mine):
    def on_book(self, i):
        found = self.last
        if i > NULL:
            found = 3
        return found  # here


EXPECTED = {
    MakesDict: "'dict' cannot be used in compiled code; use Table[int, \"instruments\"]",
    CallsDict: "'dict' cannot be used in compiled code; use Table[int, \"instruments\"]",
    MakesList: "'list' cannot be used in compiled code; use a field Table[int, \"size\"] or Array[int, 16]",
    Comprehends: "a function or comprehension inside a method does not compile; write a loop, or a method",
    Formats: "text cannot be used in compiled code; keep numbers in fields and write text outside",
    FormatsOldStyle: "text cannot be used in compiled code; keep numbers in fields and write text outside",
    StoresFloat: "cannot store a float in the integer field 'lean_ticks'; use int()",
    StoresFloatItem: "cannot store a float in an integer item; use int()",
    StoresText: "cannot store text in the field 'side'; store a number",
    StoresNone: "cannot store none in the field 'lean_ticks'; store a number",
    UsesNumpy: "numpy.mean cannot be used in compiled code; use math, or write a loop",
    Tries: "try does not compile; test the condition before (an error halts the strategy in both runs)",
    RaisesToPower: "a literal power (** 2) differs between plain and compiled runs; write x * x",
    UsesHypot: "math.hypot differs between plain and compiled runs; write math.sqrt(x * x + y * y)",
    UsesGlobalDict: "'WORDS' is a dict, which compiled code cannot use; use a number, an IntEnum, a function or a Struct's field",
    MakesStruct: "a Quote cannot be made in compiled code; declare it as a field",
    Slices: "slices do not compile; write a loop over the index",
    LoopsOverTable: "a Table or Array cannot be looped over in compiled code; write for i in range(table.n)",
    CallsItself: "CallsItself.on_book calls itself; write a loop, compiled code has no recursion",
    ReplacesStruct: "ReplacesStruct.last lies in place; assign its fields or items",
    AddsStruct: "add(Quote, int) is not possible in compiled code; use numbers",
    Opens: "with does not compile; there is nothing to close in compiled code",
    Prints: "print does not compile; set a breakpoint or print in a plain run",
    ImportsInside: "an import inside a function does not compile; import at the top of the module",
    NamesNoAttribute: "int has no attribute 'px' in compiled code; use fields and methods of Structs, and math",
    CallsSuper: "super() does not compile; call the base's method under another name",
    Mixes: "variable 'found' is sometimes Quote and sometimes int; give it one type",
}
"""Right in a plain run: the remedy may be to stay there."""

WRONG_ANYWAY = {
    MistypesField: "MistypesField has no field or method 'lean_tick'; nearest is 'lean_ticks'",
    MistypesFieldInStore: "MistypesFieldInStore has no field or method 'lean'; "
    "use one of: lean_ticks, fair, side, lots, last, tags, on_book",
    UsesUndefinedName: "name 'nowhere' is not defined; define or import it in the module",
    ForgetsArgument: "argument 'other' is missing in a call; give it",
    GivesTooMany: "too many positional arguments in a call; see the method's signature",
    UsesBeforeSet: "variable 'k' may be used before it has a value; give it one on every path",
}
"""Wrong in a plain run too."""
