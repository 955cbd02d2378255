"""`python -m nas_cli` is `nas`."""

from nas_cli.cli.app import main

if __name__ == "__main__":
    main()
