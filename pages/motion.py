from pages.ui import frame

frame.begin("x")
