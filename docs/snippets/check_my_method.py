from my_method import Config, MyMethod

import jointspace as js
from jointspace.training import check_method

data = js.load_data("pairs.csv", columns={"text": "question", "text_positive": "answer"}, limit=8)
print("passed:", ", ".join(check_method(lambda: MyMethod(Config()), data)))
