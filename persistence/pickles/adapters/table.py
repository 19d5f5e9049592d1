"""The classes that Jobshelf itself knows, and the adapter of each: names only, no imports."""

from __future__ import annotations

__all__ = ["BUILT_IN"]

BUILT_IN = {
    "persistence.pickles.adapters.gc3pie": """
        run           gc3libs.Run
        history       gc3libs.utils.History
        identifier    gc3libs.persistence.idfactory.Id gc3libs.persistence.sql.IntId
        url           gc3libs.url.Url
        url_dict      gc3libs.url.UrlKeyDict gc3libs.url.UrlValueDict
        quantity      gc3libs.quantity.Memory gc3libs.quantity.Duration
        struct        gc3libs.utils.Struct""",
    "persistence.pickles.adapters.dates": """
        moment        datetime.datetime
        clock_time    datetime.time
        date          datetime.date
        duration      datetime.timedelta
        zone          datetime.timezone zoneinfo.ZoneInfo
        pytz_zone     pytz.timezone
        struct_time   time.struct_time""",
    "persistence.pickles.adapters.standard": """
        number        decimal.Decimal
        fraction      fractions.Fraction
        complex_number builtins.complex
        span          builtins.range builtins.slice
        random_state  random.Random
        uuid          uuid.UUID
        address       ipaddress.IPv4Address ipaddress.IPv6Address ipaddress.IPv4Network
                      ipaddress.IPv6Network ipaddress.IPv4Interface ipaddress.IPv6Interface
        path          pathlib.Path pathlib.PurePath pathlib.PosixPath pathlib.WindowsPath
                      pathlib.PurePosixPath pathlib.PureWindowsPath
        parsed_url    urllib.parse.SplitResult urllib.parse.SplitResultBytes
                      urllib.parse.ParseResult urllib.parse.ParseResultBytes
                      urllib.parse.DefragResult urllib.parse.DefragResultBytes
        pattern       re.Pattern
        member        builtins.getattr
        joined_flags  _operator.or_ operator.or_
        status        http.HTTPStatus
        type_of       builtins.type
        partial       functools.partial""",
    "persistence.pickles.adapters.containers": """
        plain_bytes   builtins.bytes builtins.bytearray
        plain_set     builtins.set builtins.frozenset
        mapping       collections.OrderedDict collections.defaultdict collections.Counter
        chain_map     collections.ChainMap
        queue         collections.deque
        user_container collections.UserDict collections.UserList collections.UserString
        number_array  array.array
        iterator      builtins.iter builtins.reversed
        buffer        _io.BytesIO _io.StringIO""",
    "persistence.pickles.adapters.messages": """
        cookies       http.cookies.SimpleCookie
        message       email.message.Message email.message.EmailMessage""",
    "persistence.pickles.adapters.exceptions": """
        failed_command subprocess.CalledProcessError subprocess.TimeoutExpired
        exception     json.decoder.JSONDecodeError socket.gaierror socket.herror
                      concurrent.futures._base.CancelledError concurrent.futures._base.TimeoutError
                      asyncio.exceptions.CancelledError queue.Empty queue.Full
                      builtins.ArithmeticError builtins.AssertionError builtins.AttributeError
                      builtins.BaseException builtins.BaseExceptionGroup
                      builtins.BlockingIOError builtins.BrokenPipeError builtins.BufferError
                      builtins.BytesWarning builtins.ChildProcessError
                      builtins.ConnectionAbortedError builtins.ConnectionError
                      builtins.ConnectionRefusedError builtins.ConnectionResetError
                      builtins.DeprecationWarning builtins.EOFError builtins.EncodingWarning
                      builtins.Exception builtins.ExceptionGroup builtins.FileExistsError
                      builtins.FileNotFoundError builtins.FloatingPointError
                      builtins.FutureWarning builtins.GeneratorExit builtins.ImportError
                      builtins.ImportWarning builtins.IndentationError builtins.IndexError
                      builtins.InterruptedError builtins.IsADirectoryError builtins.KeyError
                      builtins.KeyboardInterrupt builtins.LookupError builtins.MemoryError
                      builtins.ModuleNotFoundError builtins.NameError
                      builtins.NotADirectoryError builtins.NotImplementedError builtins.OSError
                      builtins.OverflowError builtins.PendingDeprecationWarning
                      builtins.PermissionError builtins.ProcessLookupError
                      builtins.PythonFinalizationError builtins.RecursionError
                      builtins.ReferenceError builtins.ResourceWarning builtins.RuntimeError
                      builtins.RuntimeWarning builtins.StopAsyncIteration
                      builtins.StopIteration builtins.SyntaxError builtins.SyntaxWarning
                      builtins.SystemError builtins.SystemExit builtins.TabError
                      builtins.TimeoutError builtins.TypeError builtins.UnboundLocalError
                      builtins.UnicodeDecodeError builtins.UnicodeEncodeError
                      builtins.UnicodeError builtins.UnicodeTranslateError
                      builtins.UnicodeWarning builtins.UserWarning builtins.ValueError
                      builtins.Warning builtins.ZeroDivisionError""",
    "persistence.pickles.adapters.arrays": """
        ndarray       numpy.ndarray numpy.matrix numpy.matrixlib.defmatrix.matrix numpy.memmap
                      numpy.core.memmap.memmap numpy.recarray numpy.rec.recarray
                      numpy.core.records.recarray
        masked        numpy.ma.MaskedArray numpy.ma.core.MaskedArray
                      numpy.ma.masked_array
        scalar        numpy.generic
        dtype         numpy.dtype numpy.dtypes.StringDType
        random        numpy.random.RandomState numpy.random.Generator numpy.random.BitGenerator""",
    "persistence.pickles.adapters.frames": """
        frame         pandas.DataFrame pandas.core.frame.DataFrame
        series        pandas.Series pandas.core.series.Series
        index         pandas.Index pandas.RangeIndex pandas.MultiIndex pandas.DatetimeIndex
                      pandas.TimedeltaIndex pandas.CategoricalIndex
                      pandas.core.indexes.base.Index pandas.core.indexes.range.RangeIndex
                      pandas.core.indexes.multi.MultiIndex
                      pandas.core.indexes.datetimes.DatetimeIndex
                      pandas.core.indexes.timedeltas.TimedeltaIndex
                      pandas.core.indexes.category.CategoricalIndex
                      pandas.core.indexes.numeric.Int64Index
                      pandas.core.indexes.numeric.UInt64Index
                      pandas.core.indexes.numeric.Float64Index
        extension_array pandas.Categorical pandas.arrays.StringArray pandas.arrays.DatetimeArray
                      pandas.arrays.TimedeltaArray pandas.arrays.IntegerArray
                      pandas.arrays.FloatingArray pandas.arrays.BooleanArray
                      pandas.arrays.NumpyExtensionArray
                      pandas.core.arrays.categorical.Categorical
                      pandas.core.arrays.string_.StringArray
                      pandas.core.arrays.datetimes.DatetimeArray
                      pandas.core.arrays.timedeltas.TimedeltaArray
                      pandas.core.arrays.integer.IntegerArray
                      pandas.core.arrays.floating.FloatingArray
                      pandas.core.arrays.boolean.BooleanArray""",
    "persistence.pickles.adapters.timestamps": """
        timestamp     pandas.Timestamp
        span          pandas.Timedelta
        not_a_time    pandas.NaT
        interval      pandas.Interval pandas._libs.interval.Interval""",
}
"""Module of adapters → names of an adapter, then of the classes and functions that it shows."""
