"""Text for whoever reads the report: markup, terminal codes, formulas, in every place that text can come from."""

from tests.submissions.hostile.attack import Attack

HTML = "<script>alert('gradmark-breach')</script><img src=x onerror=alert(1)>"
ANSI = "\\x1b[2J\\x1b]0;owned\\x07\\x1b]8;;http://evil\\x07link\\x1b]8;;\\x07\\x9b31m\\r\\x08\\x00"
RICH = "[bold red]owned[/bold red] [link=file:///etc/passwd]x[/link]"
BIDI = "\\u202e001 / 0\\u202c\\u2066\\u200b"
FORMULA = "=HYPERLINK(\\\"http://evil\\\")"
TEX = "\\\\input{/etc/passwd} {\\\\rtf1 ]]> --> &amp; &lt; %s {0} {{7*7}} {% raw %}"
EVERY = f"{HTML} {ANSI} {RICH} {BIDI} {FORMULA} {TEX} </pre></td></html>"

_NAME = "\\u0065vil_\\u202e<b>"

ATTACKS = [
    Attack("markup_printed", "prints markup of every kind",
           body=f'print("{EVERY}")\nimport sys\nprint("{EVERY}", file=sys.stderr)', where="process"),
    Attack("markup_in_exception", "raises an exception with markup in its text",
           instead=f'raise ValueError("{EVERY}")', victim="failed", says=("ValueError",), where="process"),
    Attack("markup_in_class", "raises an exception whose class is called like markup",
           instead=f'raise type("{HTML}{ANSI}"[:200].replace("\\0", ""), (Exception,), {{}})("x")', victim="failed",
           says=("rnn_step_forward",), where="process"),
    Attack("markup_in_function_name", "raises from a function and file that are called like markup", code="pass", instead=f'''
scope = {{}}
code = compile("def f():\\n    1 / 0", HERE + "/<script>alert(1)</script>\\x1b[2J.py", "exec")
exec(code, scope)
f = scope["f"]
f.__code__ = f.__code__.replace(co_name="{HTML}", co_qualname="{HTML}")
f()
''', victim="failed", says=("ZeroDivisionError",), where="process"),
    Attack("markup_in_warning", "warns with markup", body=f'import warnings\nwarnings.warn("{EVERY}")', where="process"),
    Attack("markup_in_signature", "has a signature like markup, and takes no arguments", code='''
        class Evil:
            def __repr__(self): return "<script>alert(1)</script>"
        ''', body="pass", returns="raise TypeError('rnn_step_forward() <script>alert(1)</script> missing')", victim="failed",
           says=("TypeError",), where="process"),
    Attack("markup_in_dtype", "returns arrays whose type is called like markup",
           returns=f'return np.zeros((2, 2), dtype=[("{HTML}", float)]), cache', victim="failed", says=("next_h",), where="process"),
    Attack("markup_in_syntax_error", "a file that does not parse, with markup in the offending line",
           source=f'x = "{HTML}" ({RICH}\n'.encode(), victim="blocked", says=("rnn_layers",), beside="simclr_loss_naive",
           where="process"),
    Attack("markup_in_missing_package", "imports a package that is called like markup",
           code='__import__("<script>alert(1)</script>")', victim="blocked", says=("not installed",),
           beside="simclr_loss_naive", where="process"),
    Attack("markup_in_file_name", "adds files whose names are markup and formulas",
           files={"cs231n/=cmd('x').py": b"1", "cs231n/<img src=x onerror=alert(1)>.py": b"1",
                  "<b>.ipynb": b"{}", "cs231n/[bold]x[/bold].so": b"\x7fELF"},
           problem="was left out", where="process"),
    Attack("endless_line", "prints one line of 60 kB, and a word of combining marks",
           body='print("W" * 60000)\nprint("a" + "\\u0301" * 5000)', where="process"),
]
