"""`python -m core`: the command line. Worker processes import this file too, and need nothing."""

if __name__ == "__main__":
    from core.cli.main import main

    main()
